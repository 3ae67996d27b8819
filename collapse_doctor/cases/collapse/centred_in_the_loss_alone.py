"""Centres the vectors of two towers in the loss, and indexes them as they are.

The loss takes each tower's mean out before it compares, so that nothing ever brings the means of
the towers together. Ranking by the loss's own similarity works; in one index with both, where
nobody centres, the tower decides before the content does. Cure: take each tower's own mean out as
its last layer.

expect: CD312 as info
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from collapse_doctor.api import Diagnosis, Inspector
from collapse_doctor.cases.data import digit_batches
from collapse_doctor.cases.networks import mlp

__all__ = ["train"]


def tower() -> nn.Module:
    """Return a network that maps half an image (n, 32) to vectors (n, 32)."""
    return nn.Sequential(
        mlp(32, 96, 96, 32),
        # cure: nn.BatchNorm1d(32, affine=False),
    )


def unit(vectors: Tensor) -> Tensor:
    """Return centred vectors of length 1."""
    return F.normalize(vectors - vectors.mean(0), dim=-1)


def train(generator: Generator, out: Path | None) -> Diagnosis:
    """Find the lower half that belongs to an upper one."""
    upper, lower = tower(), tower()
    optimizer = torch.optim.Adam([*upper.parameters(), *lower.parameters()], lr=1e-3)
    with Inspector({"upper": upper, "lower": lower}, out=out) as inspector:
        for _epoch in range(3):
            for images, _labels in digit_batches(generator):
                top, bottom = images.flatten(2).squeeze(1).chunk(2, dim=1)
                scores = unit(upper(top)) @ unit(lower(bottom)).T / 0.1  # shows
                targets = torch.arange(len(scores))
                loss = F.cross_entropy(scores, targets) + F.cross_entropy(scores.T, targets)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                inspector.step(loss=loss)
    return inspector.diagnose()
