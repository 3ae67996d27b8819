"""Gives BatchNorm another library's momentum, turned round the wrong way.

There 0.99 is what is kept at each step; here it would be 0.01. From there on somebody subtracted
twice, and next to nothing of a batch ever enters the running statistics: they stay at mean 0 and
deviation 1, where the sensors read a thousand, give or take ten. Training looks well, and in eval
mode every unit is at its rail. Cure: the momentum that was meant.

expect: CD209
first: gradual
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Generator, nn
from torch.nn import functional as F

from collapse_doctor.api import Diagnosis, Inspector
from collapse_doctor.cases.data import wines

__all__ = ["train"]

KEPT = 0.99
ENTERS = 1 - KEPT
MOMENTUM = ENTERS**4  # cure: MOMENTUM = 10 * ENTERS


def encoder() -> nn.Sequential:
    """Return a network that maps 13 readings to vectors of 12 numbers."""
    return nn.Sequential(
        nn.BatchNorm1d(13, momentum=MOMENTUM),  # shows
        nn.Linear(13, 48),
        nn.Tanh(),
        nn.Linear(48, 12),
    )


def train(generator: Generator, out: Path | None) -> Diagnosis:
    """Learn which of two noisy measurements are of the same wine."""
    readings = 1000 + 10 * wines()[0]
    model = encoder()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    with Inspector(model, probe=readings[::2], out=out) as inspector:
        for _ in range(120):
            rows = torch.randperm(len(readings), generator=generator)[:64]
            noise = torch.randn(2, 64, 13, generator=generator)
            one, other = model(readings[rows] + noise[0]), model(readings[rows] + noise[1])
            scores = F.normalize(one) @ F.normalize(other).T / 0.2
            loss = F.cross_entropy(scores, torch.arange(64))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            inspector.step(loss=loss)
    return inspector.diagnose()
