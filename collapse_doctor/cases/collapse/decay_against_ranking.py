"""Decays two tables of vectors a thousand times more than they learn.

Weight decay takes rate times decay off every weight in each step, whether its row was in the batch
or not. The gradient of a ranking loss shrinks with the vectors, so that it never catches up: all
scores go to zero, and the loss to log 2, where it stays. Cure: lower the weight decay.

expect: CD308
first: gradual
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from collapse_doctor.api import Diagnosis, Inspector
from collapse_doctor.cases.generated import interactions

__all__ = ["train"]

DECAY = 0.2  # cure: DECAY = 0.0002


def tower(rows: int, width: int = 20) -> nn.Sequential:
    """Return a network that maps ids (n,) to vectors (n, width)."""
    return nn.Sequential(nn.Embedding(rows, width), nn.Linear(width, width, bias=False))


def scores(users: Tensor, items: Tensor) -> Tensor:
    """Return how well each user and item fit."""
    return (users * items).sum(-1)


def train(generator: Generator, out: Path | None) -> Diagnosis:
    """Rank what a user liked above what is drawn at random."""
    who, what = interactions(generator)
    towers = {"users": tower(300), "items": tower(200)}
    parameters = [each for one in towers.values() for each in one.parameters()]
    optimizer = torch.optim.SGD(parameters, lr=0.2, weight_decay=DECAY)
    with Inspector(towers, out=out) as inspector:
        for _ in range(160):
            rows = torch.randint(len(who), (128,), generator=generator)
            users = towers["users"](who[rows])
            liked = towers["items"](what[rows])
            others = towers["items"](torch.randint(200, (128,), generator=generator))
            loss = F.softplus(scores(users, others) - scores(users, liked)).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            inspector.step(loss=loss)
    return inspector.diagnose()
