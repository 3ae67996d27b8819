"""Divides the width by a reduction meant for wider data, and squeezes all through one unit.

The reduction of 16 is copied from networks for images. Wines have 13 measurements, so that the
hidden layer gets one unit and the embedding of 32 numbers holds one: every wine lies on a line.
The loss falls a little and stops. Cure: a hidden layer wider than what goes in.

expect: CD302
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from collapse_doctor.api import Diagnosis, Inspector
from collapse_doctor.cases.data import wines

__all__ = ["train"]

REDUCTION = 16


class Projector(nn.Module):
    """Measurements to vectors: (n, features) to (n, width)."""

    def __init__(self, features: int, width: int = 32) -> None:
        super().__init__()
        hidden = max(1, features // REDUCTION)  # cure: hidden = 8 * features
        self.squeeze = nn.Linear(features, hidden)
        self.expand = nn.Linear(hidden, width)

    def forward(self, values: Tensor) -> Tensor:
        """Map measurements to vectors."""
        vectors: Tensor = self.expand(F.gelu(self.squeeze(values)))
        return vectors


def train(generator: Generator, out: Path | None) -> Diagnosis:
    """Tell each wine's two noisy measurements from those of all other wines."""
    values, _cultivars = wines()
    model = Projector(values.shape[1])
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    with Inspector(model, out=out) as inspector:
        for _ in range(120):
            rows = torch.randperm(len(values), generator=generator)[:64]
            noise = 0.3 * torch.randn(2, 64, values.shape[1], generator=generator)
            first, second = (F.normalize(model(values[rows] + each)) for each in noise)
            loss = F.cross_entropy(first @ second.T / 0.2, torch.arange(64))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            inspector.step(loss=loss)
    return inspector.diagnose()
