"""Asks for vectors of length 10 where a margin of 0.2 keeps different ones apart.

The penalty on lengths shall keep vectors from shrinking, and the triplets ask for distances of 0.2.
Both are satisfied at once by a large mean that all rows share: then all cosines are 1 but for a
little, and the threshold that is logged beside the loss tells nothing. Cure: normalise the
coordinates before the embedding, so that no mean is left.

expect: CD306
first: gradual
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Generator, nn
from torch.nn import functional as F

from collapse_doctor.api import Diagnosis, Inspector
from collapse_doctor.cases.data import wines
from collapse_doctor.cases.networks import mlp

__all__ = ["train"]

LENGTH, MARGIN = 10.0, 0.2


def train(generator: Generator, out: Path | None) -> Diagnosis:
    """Learn from triplets of wines: another measurement of one, and another wine."""
    values, _cultivars = wines()
    model = nn.Sequential(
        mlp(13, 64, 24),
        # cure: nn.BatchNorm1d(24, affine=False),
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    accepted = 0.0
    with Inspector(model, out=out) as inspector:
        for _ in range(150):
            rows = torch.randperm(len(values), generator=generator)[:64]
            noise = 0.2 * torch.randn(64, 13, generator=generator)
            anchor, positive = model(values[rows]), model(values[rows] + noise)
            negative = positive.roll(1, dims=0)
            loss = F.triplet_margin_loss(anchor, positive, negative, margin=MARGIN)
            loss = loss + 0.1 * (anchor.norm(dim=1) - LENGTH).square().mean()
            accepted = float((F.cosine_similarity(anchor, negative) > 0.8).float().mean())  # shows
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            inspector.step(loss=loss)
    assert 0.0 <= accepted <= 1.0
    return inspector.diagnose()
