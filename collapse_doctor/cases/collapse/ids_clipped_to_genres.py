"""Clips the numbers of items to those of genres, so that eight vectors serve them all.

A guard against ids beyond the table was written with the wrong constant: all items but the first
seven share the vector of the eighth. No error, and a loss that falls for a while, since some items
are liked more than others. Cure: clip to the size of the table.

expect: CD305
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from collapse_doctor.api import Diagnosis, Inspector
from collapse_doctor.cases.generated import interactions

__all__ = ["train"]

USERS, ITEMS, GENRES = 300, 200, 8


class ItemTower(nn.Module):
    """Items to vectors: (n,) ids to (n, width)."""

    def __init__(self, width: int = 24) -> None:
        super().__init__()
        self.table = nn.Embedding(ITEMS, width)
        self.mix = nn.Linear(width, width)

    def forward(self, ids: Tensor) -> Tensor:
        """Look ids up, those beyond the table as its last row."""
        known = ids.clamp(max=GENRES - 1)  # cure: known = ids.clamp(max=ITEMS - 1)
        vectors: Tensor = self.mix(self.table(known))
        return vectors


def train(generator: Generator, out: Path | None) -> Diagnosis:
    """Find the item that a user liked among those of the batch."""
    users, items = interactions(generator, users=USERS, items=ITEMS)
    tower, tastes = ItemTower(), nn.Embedding(USERS, 24)
    optimizer = torch.optim.Adam([*tower.parameters(), *tastes.parameters()], lr=5e-3)
    with Inspector({"items": tower}, out=out) as inspector:
        for _ in range(60):
            rows = torch.randperm(len(users), generator=generator)[:96]
            liked = F.normalize(tower(items[rows]), dim=-1)
            scores = F.normalize(tastes(users[rows]), dim=-1) @ liked.T / 0.1
            loss = F.cross_entropy(scores, torch.arange(len(rows)))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            inspector.step(loss=loss)
    return inspector.diagnose()
