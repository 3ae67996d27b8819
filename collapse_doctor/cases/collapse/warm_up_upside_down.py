"""Warms the learning rate up from the wrong end, and kills the ReLUs in the first steps.

The factor of the schedule is the number of steps to go, not its inverse: training begins at 20
times the rate in place of a twentieth. The first steps throw the biases so far below zero that
nearly all units give zero for every image. The rate is right from step 20 on, when it is too
late. Cure: warm up from below.

expect: CD314
first: gradual
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Generator, nn
from torch.nn import functional as F

from collapse_doctor.api import Diagnosis, Inspector
from collapse_doctor.cases.data import digits

__all__ = ["train"]

WARM_UP = 20


def factor(step: int) -> float:
    """Return what the learning rate is multiplied with."""
    return max(1.0, WARM_UP - step)  # cure: return min(1.0, (step + 1) / WARM_UP)


def network() -> nn.Sequential:
    """Return a network that maps images to vectors of 24 numbers."""
    return nn.Sequential(
        nn.Flatten(), nn.Linear(64, 96), nn.ReLU(), nn.Linear(96, 96), nn.ReLU(),  # shows
        nn.Linear(96, 24),
    )  # fmt: skip


def train(generator: Generator, out: Path | None) -> Diagnosis:
    """Learn to read digits."""
    images, labels = digits()
    body, head = network(), nn.Linear(24, 10)
    optimizer = torch.optim.Adam([*body.parameters(), *head.parameters()], lr=0.03)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
    with Inspector(body, out=out) as inspector:
        for _ in range(100):
            rows = torch.randint(len(images), (64,), generator=generator)
            loss = F.cross_entropy(head(body(images[rows])), labels[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            inspector.step(loss=loss)
    return inspector.diagnose()
