"""Takes minutes for seconds, so that five vectors serve all times of the day.

A table has a vector for each five minutes of a day. The division by 300 is right for seconds, and
the times come in minutes: of 288 entries five are ever looked up. The load that is predicted from
them is a staircase, whose error does not look bad at all. Cure: divide by five, right before the
numbers are looked up.

expect: CD305
"""

from __future__ import annotations

import math
from pathlib import Path

import torch
from torch import Generator, Tensor, nn

from collapse_doctor.api import Diagnosis, Inspector

__all__ = ["train"]

DAY = 24 * 60


class TimeOfDay(nn.Module):
    """Minutes since midnight to vectors: (n,) to (n, width)."""

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.slots = nn.Embedding(DAY // 5, width)

    def forward(self, minutes: Tensor) -> Tensor:
        """Look up the slot of each time."""
        slot = minutes // 300  # cure: slot = minutes // 5
        vectors: Tensor = self.slots(slot)
        return vectors


def load(minutes: Tensor, generator: Generator) -> Tensor:
    """Return how much power is used at these times, with noise."""
    turn = 2 * math.pi * minutes / DAY
    noise = 0.1 * torch.randn(len(minutes), generator=generator)
    return turn.sin() + 0.5 * (3 * turn).cos() + noise


def train(generator: Generator, out: Path | None) -> Diagnosis:
    """Predict the load from the time."""
    embed = TimeOfDay()
    predict = nn.Sequential(nn.Linear(16, 32), nn.SiLU(), nn.Linear(32, 1))
    optimizer = torch.optim.Adam([*embed.parameters(), *predict.parameters()], lr=1e-2)
    inspector = Inspector(embed, out=out)
    with inspector:
        for _ in range(100):
            minutes = torch.randint(DAY, (128,), generator=generator)
            error = predict(embed(minutes)).squeeze(1) - load(minutes, generator)
            loss = error.square().mean()
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            inspector.step(loss=loss)
    return inspector.diagnose()
