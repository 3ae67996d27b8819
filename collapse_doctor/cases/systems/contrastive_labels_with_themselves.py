"""Compares the labels of all pairs, each with itself.

The contrastive loss on `torch.cdist` needs to know which pairs are of one class. Both sides of the
comparison were given the same new axis, so a label meets itself: all pairs are of one class, and
all are drawn together. Cure: give the other side the other axis, for a margin against others.

expect: CD301
first: gradual
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from collapse_doctor.api import Diagnosis, Inspector
from collapse_doctor.cases.data import wines

__all__ = ["train"]

MARGIN = 1.5


class Embedder(nn.Module):
    """13 measurements to 16 numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden = nn.Sequential(nn.Linear(13, 64), nn.ReLU(), nn.Linear(64, 64))
        self.out = nn.Linear(64, 16)

    def forward(self, values: Tensor) -> Tensor:
        """Map (n, 13) to (n, 16)."""
        vectors: Tensor = self.out(torch.relu(self.hidden(values)))
        return vectors


def contrastive(vectors: Tensor, labels: Tensor) -> Tensor:
    """Return y · d² + (1 - y) · max(0, m - d)², the mean over all pairs."""
    apart = torch.cdist(vectors, vectors)
    other = labels[:, None]  # cure: other = labels[None, :]
    same = (labels[:, None] == other).float()
    unlike = F.relu(MARGIN - apart)
    return (same * apart.square() + (1 - same) * unlike.square()).mean()


def train(generator: Generator, out: Path | None) -> Diagnosis:
    """Learn distances between wines."""
    values, cultivars = wines()
    model = Embedder()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    with Inspector(model, out=out) as inspector:
        for _ in range(40):
            for rows in torch.randperm(len(values), generator=generator).split(32):
                loss = contrastive(model(values[rows]), cultivars[rows])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                inspector.step(loss=loss, labels=cultivars[rows])
    return inspector.diagnose()
