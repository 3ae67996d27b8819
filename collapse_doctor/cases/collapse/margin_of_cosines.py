"""Sets the margin of cosines to 0.99, as one would for distances, where more is stricter.

Cosine embedding loss pushes a pair of different classes apart while its cosine is above the
margin. At 0.99 nearly nothing is pushed: all pairs may be as similar as that, and pulling brings
them there. Any threshold on the cosine finds everything. Cure: a margin of 0, so that negatives do
push apart.

expect: CD306
first: gradual
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Generator, nn

from collapse_doctor.api import Diagnosis, Inspector
from collapse_doctor.cases.data import digit_batches
from collapse_doctor.cases.networks import ConvNet

__all__ = ["train"]

MARGIN = 0.99  # cure: MARGIN = 0.0


def train(generator: Generator, out: Path | None) -> Diagnosis:
    """Learn from pairs of digits which are the same."""
    model = ConvNet(width=32)
    criterion = nn.CosineEmbeddingLoss(margin=MARGIN)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    with Inspector(model, out=out) as inspector:
        for _epoch in range(5):
            for images, labels in digit_batches(generator):
                one, other = model(images).chunk(2)
                signs = torch.where(torch.eq(*labels.chunk(2)), 1.0, -1.0)
                loss = criterion(one, other, signs)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                inspector.step(loss=loss)
    return inspector.diagnose()
