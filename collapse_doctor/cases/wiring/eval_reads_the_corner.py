"""Reads a random window of each page in training, and in evaluation the blank corner.

In training the window lies about the middle of the page, in evaluation its offset is 0, which was
meant as no shift and is the upper left corner. The paper is white there: all pages have one vector
as soon as the model is in eval mode, and the loss in training knows nothing of it. Cure: the offset
of the middle.

expect: CD209
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from collapse_doctor.api import Diagnosis, Inspector
from collapse_doctor.cases.data import digits
from collapse_doctor.cases.networks import mlp

__all__ = ["train"]

MIDDLE = 8


class Reader(nn.Module):
    """Reads a digit on a page: (n, 1, 24, 24) to logits (n, 10)."""

    def __init__(self, generator: Generator) -> None:
        super().__init__()
        self.embed, self.classify = mlp(64, 96, 24), nn.Linear(24, 10)
        self.generator = generator

    def window(self, pages: Tensor) -> Tensor:
        """Return what the model reads of each page, (n, 64)."""
        top = left = 0  # cure: top = left = MIDDLE
        if self.training:
            shifts = torch.randint(-1, 2, (2,), generator=self.generator)
            top, left = (MIDDLE + int(shift) for shift in shifts)
        return pages[:, :, top : top + 8, left : left + 8].flatten(1)

    def forward(self, pages: Tensor) -> Tensor:
        """Classify the digits."""
        logits: Tensor = self.classify(self.embed(self.window(pages)))
        return logits


def train(generator: Generator, out: Path | None) -> Diagnosis:
    """Learn to read digits on pages."""
    images, labels = digits()
    pages = F.pad(images, (MIDDLE,) * 4)
    model = Reader(generator)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    with Inspector(model, layers=["embed"], probe=pages[:100], out=out) as inspector:
        for _ in range(120):
            rows = torch.randint(len(pages), (64,), generator=generator)
            loss = F.cross_entropy(model(pages[rows]), labels[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            inspector.step(loss=loss)
    return inspector.diagnose()
