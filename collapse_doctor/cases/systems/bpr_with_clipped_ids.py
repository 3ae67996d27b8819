"""Looks up items in a table that was built for eight, clipping all other ids to its last row.

A recommender was tried out with eight items. Ids that lie beyond the table are clipped instead of
refused, so that with the whole catalogue nearly all items share one vector. Users are learnt well,
the loss falls a little, and everybody is recommended the same. Cure: clip to the catalogue's size.

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

USERS, ITEMS, TRIED = 300, 200, 8


class Items(nn.Module):
    """The vectors of items, by their ids."""

    def __init__(self, last: int) -> None:
        super().__init__()
        self.last = last
        self.table = nn.Embedding(ITEMS, 16)

    def forward(self, ids: Tensor) -> Tensor:
        """Map ids (n,) to vectors (n, 16)."""
        vectors: Tensor = self.table(ids.clamp(max=self.last))
        return vectors


def train(generator: Generator, out: Path | None) -> Diagnosis:
    """Rank what a user liked above what was drawn at random (BPR, Rendle et al. 2009)."""
    liked_by, liked = interactions(generator)
    users = nn.Embedding(USERS, 16)
    items = Items(TRIED - 1)  # cure: items = Items(ITEMS - 1)
    optimizer = torch.optim.Adagrad([*users.parameters(), *items.parameters()], lr=0.1)
    with Inspector({"users": users, "items": items}, out=out) as inspector:
        for _ in range(120):
            drawn = torch.randint(len(liked), (256,), generator=generator)
            others = torch.randint(ITEMS, (256,), generator=generator)
            who = users(liked_by[drawn])
            better = (who * items(liked[drawn])).sum(1) - (who * items(others)).sum(1)
            loss = -F.logsigmoid(better).mean() + 1e-4 * who.square().sum(1).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            inspector.step(loss=loss)
    return inspector.diagnose()
