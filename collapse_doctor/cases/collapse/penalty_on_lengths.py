"""Sums a penalty on lengths over the batch where the loss is a mean.

The penalty was to keep vectors from growing. Summed over 48 rows it is so strong that it takes
their whole length, and what is left of a triplet loss of distances is its margin. Cure: lower the
penalty, by a mean.

expect: CD308
first: gradual
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from collapse_doctor.api import Diagnosis, Inspector
from collapse_doctor.cases.data import digits

__all__ = ["train"]


class Embedder(nn.Module):
    """Pixels (n, 64) to vectors (n, width)."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.inner = nn.Linear(64, 96)
        self.outer = nn.Linear(96, width, bias=False)

    def forward(self, pixels: Tensor) -> Tensor:
        """Map pixels to vectors."""
        vectors: Tensor = self.outer(F.leaky_relu(self.inner(pixels)))
        return vectors


def train(generator: Generator, out: Path | None) -> Diagnosis:
    """Learn from triplets, two of one class and one of another."""
    images, labels = digits()
    by_class = [images[labels == kind].flatten(1) for kind in range(10)]
    model = Embedder()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02)
    with Inspector(model, out=out) as inspector:
        for _ in range(280):
            kind, foreign = torch.randperm(10, generator=generator)[:2].tolist()
            chosen = torch.randint(130, (3, 48), generator=generator)
            anchor, positive = model(by_class[kind][chosen[0]]), model(by_class[kind][chosen[1]])
            negative = model(by_class[foreign][chosen[2]])
            lengths = anchor.square().sum(1)
            near = (anchor - positive).square().sum(1)
            far = (anchor - negative).square().sum(1)
            loss = F.relu(near - far + 0.5).mean()
            loss = loss + 0.3 * lengths.sum()  # cure: loss = loss + 0.3 * lengths.mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            inspector.step(loss=loss)
    return inspector.diagnose()
