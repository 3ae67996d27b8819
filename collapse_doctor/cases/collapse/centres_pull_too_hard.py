"""Weighs the pull towards class centres a thousand times more than its authors.

Center loss draws each vector to a learnt centre of its class, beside cross-entropy, with a weight
of some thousandths. With a weight of one, what distinguishes the wines of one cultivar is gone
after some steps, and finer questions can no longer be asked of the vectors. Cure: a smaller weight
on pulling.

expect: CD307 as info
first: gradual
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from collapse_doctor.api import Diagnosis, Inspector, analyze
from collapse_doctor.cases.data import wines

__all__ = ["train"]

PULL = 1.0  # cure: PULL = 0.0005


class Centres(nn.Module):
    """A centre for each class: vectors (n, width) and their labels to a loss."""

    def __init__(self, classes: int, width: int) -> None:
        super().__init__()
        self.points = nn.Parameter(torch.randn(classes, width))

    def forward(self, vectors: Tensor, labels: Tensor) -> Tensor:
        """Return the mean squared distance of vectors from the centres of their classes."""
        return (vectors - self.points[labels]).square().sum(1).mean()


def train(generator: Generator, out: Path | None) -> Diagnosis:
    """Learn the cultivars."""
    values, cultivars = wines()
    encoder = nn.Sequential(nn.Linear(13, 64), nn.SELU(), nn.Linear(64, 12))
    classify, centres = nn.Linear(12, 3), Centres(3, 12)
    parts = nn.ModuleList([encoder, classify, centres])
    optimizer = torch.optim.Adam(parts.parameters(), lr=1e-2)
    with Inspector(encoder, out=out) as inspector:
        for _ in range(200):
            rows = torch.randperm(len(values), generator=generator)[:90]
            vectors, labels = encoder(values[rows]), cultivars[rows]
            loss = F.cross_entropy(classify(vectors), labels) + PULL * centres(vectors, labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            inspector.step(loss=loss, labels=labels)
    return analyze(encoder(values).detach(), labels=cultivars)
