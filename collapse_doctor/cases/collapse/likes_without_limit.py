"""Subtracts the score of what was liked from that of the rest, without a sigmoid.

Bayesian personalised ranking is the logarithm of a sigmoid of the difference, which is satisfied
once the difference is large. The difference itself has no floor: vectors grow with each step, and
faster the longer they are. The loss looks splendid, far below zero.
Cure: hold what is made large, here by the sigmoid.

expect: CD309
first: gradual
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Generator, Tensor, nn

from collapse_doctor.api import Diagnosis, Inspector
from collapse_doctor.cases.generated import interactions

__all__ = ["train"]


class Factors(nn.Module):
    """Vectors of users and items: ids (n,) of both to two of (n, width)."""

    def __init__(self, users: int, items: int, width: int = 16) -> None:
        super().__init__()
        self.users, self.items = nn.Embedding(users, width), nn.Embedding(items, width)
        nn.init.normal_(self.users.weight, std=0.1)
        nn.init.normal_(self.items.weight, std=0.1)

    def forward(self, users: Tensor, items: Tensor) -> tuple[Tensor, Tensor]:
        """Look both up."""
        return self.users(users), self.items(items)


def train(generator: Generator, out: Path | None) -> Diagnosis:
    """Rank what a user liked above what is drawn at random."""
    users, items = interactions(generator)
    model = Factors(300, 200)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with Inspector(model, out=out) as inspector:
        for _ in range(200):
            rows = torch.randint(len(users), (256,), generator=generator)
            others = torch.randint(200, (256,), generator=generator)
            user, liked = model(users[rows], items[rows])
            _user, other = model(users[rows], others)
            gain = (user * (liked - other)).sum(1)
            loss = -gain.sum()  # cure: loss = -nn.functional.logsigmoid(gain).sum()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            inspector.step(loss=loss)
    return inspector.diagnose()
