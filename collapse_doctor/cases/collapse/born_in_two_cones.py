"""Compares two towers at a temperature so low that they stay in the cones they were born in.

A deep network is born with its vectors in a narrow cone, and two networks in two of them. A loss at
a temperature of 0.01 only asks the right pair to be nearer than the wrong ones, by a hair, and an
offset between the towers is no matter. Cure: a higher temperature.

expect: CD312 as info
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from collapse_doctor.api import Diagnosis, Inspector
from collapse_doctor.cases.data import wines
from collapse_doctor.cases.networks import mlp

__all__ = ["train"]


class TwoTowers(nn.Module):
    """What was measured by one laboratory and by another: two of (n, width)."""

    def __init__(self, one: int, other: int, width: int = 24) -> None:
        super().__init__()
        self.one = mlp(one, 64, 64, 64, width)
        self.other = mlp(other, 64, 64, 64, width)

    def forward(self, values: Tensor) -> dict[str, Tensor]:
        """Map the measurements of both to vectors of length 1."""
        first, second = values[:, :6], values[:, 6:]
        return {
            "one": F.normalize(self.one(first), dim=-1),
            "other": F.normalize(self.other(second), dim=-1),
        }


def train(generator: Generator, out: Path | None) -> Diagnosis:
    """Find which measurements are of the same wine."""
    values, _cultivars = wines()
    model = TwoTowers(6, 7)
    temperature = 0.01  # cure: temperature = 0.5
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    with Inspector(model, out=out) as inspector:
        for _ in range(80):
            rows = torch.randperm(len(values), generator=generator)[:96]
            vectors = model(values[rows])
            scores = vectors["one"] @ vectors["other"].T / temperature
            loss = F.cross_entropy(scores, torch.arange(len(rows)))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            inspector.step(loss=loss)
    return inspector.diagnose()
