"""Normalises the projections over the batch in place of each row.

The NT-Xent loss of SimCLR takes cosines, so rows are given length 1. `dim=0` gives the columns
length 1: the product of two rows is no cosine, all are near 0, and the temperature does not help.
Cure: normalise along the features, dim=1.

expect: CD206
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from collapse_doctor.api import Diagnosis, Inspector
from collapse_doctor.cases.data import augment, digit_batches

__all__ = ["train"]

TEMPERATURE = 0.5


class SimCLR(nn.Module):
    """An encoder and a projector of two layers (Chen et al. 2020)."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.Flatten()
        )
        self.projector = nn.Sequential(nn.Linear(1024, 128), nn.ReLU(), nn.Linear(128, 64))

    def forward(self, images: Tensor) -> Tensor:
        """Map (n, 1, 8, 8) to (n, 64)."""
        vectors: Tensor = self.projector(self.encoder(images))
        return vectors

    def loss(self, first: Tensor, second: Tensor) -> Tensor:
        """Return NT-Xent: each view has to find the other one among 2n - 1."""
        both = torch.cat([self(first), self(second)])
        both = F.normalize(both, dim=0)  # cure: both = F.normalize(both, dim=1)
        scores = both @ both.T / TEMPERATURE
        scores = scores.masked_fill(torch.eye(len(both), dtype=torch.bool), float("-inf"))
        return F.cross_entropy(scores, torch.arange(len(both)).roll(len(first)))


def train(generator: Generator, out: Path | None) -> Diagnosis:
    """Learn digits from pairs of views."""
    model = SimCLR()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    with Inspector(model, out=out) as inspector:
        for _ in range(3):
            for images, _labels in digit_batches(generator):
                loss = model.loss(augment(images, generator), augment(images, generator))
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                inspector.step(loss=loss)
    return inspector.diagnose()
