"""Builds a deep network of one block, repeated by multiplication.

`[Block()] * 4` makes a list of one block under four names. The network has a quarter of the
parameters its author counts on, and each step of the optimizer changes all its layers alike. Cure:
make a block for each layer.

expect: CD108
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from collapse_doctor.api import Diagnosis, Inspector
from collapse_doctor.cases.data import digit_batches

__all__ = ["train"]


class Block(nn.Module):
    """A residual block of two layers."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.inner = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.Linear(width, width))

    def forward(self, states: Tensor) -> Tensor:
        """Map (n, width) to (n, width)."""
        changed: Tensor = states + self.inner(self.norm(states))
        return changed


class Residual(nn.Module):
    """Blocks on pixels, and a classifier."""

    def __init__(self, depth: int = 4, width: int = 64) -> None:
        super().__init__()
        blocks = [Block(width)] * depth  # cure: blocks = [Block(width) for _ in range(depth)]
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Linear(width, 10)

    def forward(self, images: Tensor) -> Tensor:
        """Map (n, 1, 8, 8) to the scores (n, 10) of digits."""
        scores: Tensor = self.head(self.blocks(images.flatten(1)))
        return scores


def train(generator: Generator, out: Path | None) -> Diagnosis:
    """Train a classifier of digits."""
    model = Residual()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    with Inspector(model, out=out) as inspector:
        for _ in range(2):
            for images, labels in digit_batches(generator):
                loss = F.cross_entropy(model(images), labels)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                inspector.step(loss=loss, labels=labels)
    return inspector.diagnose()
