"""Recommends by cosines, and learns from what was liked alone.

A tower for users, one for items, and 1 - cos of each user with what the user liked. There is no
item that a user should be far from, so the two towers agree on one direction: everybody is
recommended everything. Cure: in-batch negatives, the items that others liked.

expect: CD208
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Generator, Tensor, nn

from collapse_doctor.api import Diagnosis, Inspector
from collapse_doctor.cases.generated import interactions

__all__ = ["train"]


class Tower(nn.Module):
    """A table of vectors, and two layers on top."""

    def __init__(self, size: int, width: int = 32) -> None:
        super().__init__()
        self.table = nn.Embedding(size, width)
        self.layers = nn.Sequential(nn.Linear(width, 64), nn.ReLU(), nn.Linear(64, width))

    def forward(self, ids: Tensor) -> Tensor:
        """Map ids (n,) to (n, width)."""
        vectors: Tensor = self.layers(self.table(ids))
        return vectors


def train(generator: Generator, out: Path | None) -> Diagnosis:
    """Learn who likes what."""
    users, items = interactions(generator)
    towers = {"users": Tower(300), "items": Tower(200)}
    optimizer = torch.optim.Adam([w for t in towers.values() for w in t.parameters()], lr=3e-3)
    criterion = nn.CosineSimilarity(dim=1)
    with Inspector(towers, out=out) as inspector:
        for _ in range(150):
            rows = torch.randint(len(users), (128,), generator=generator)
            who, what = towers["users"](users[rows]), towers["items"](items[rows])
            loss = (1 - criterion(who, what)).mean()  # shows
            # cure: normal = nn.functional.normalize
            # cure: scores = normal(who, dim=1) @ normal(what, dim=1).T
            # cure: loss = nn.functional.cross_entropy(scores / 0.1, torch.arange(len(rows)))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            inspector.step(loss=loss)
    return inspector.diagnose()
