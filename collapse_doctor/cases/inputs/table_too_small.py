"""Makes a table for last month's items, and clips the ids of newer ones to its last row.

The catalogue has grown, the table of vectors hasn't. To avoid the IndexError ids are clipped: each
new item gets the vector of the last old one, which is recommended to whom it may concern and to
everybody else. Cure: look at the inputs of two equal rows; a row for each of them.

expect: CD502
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from collapse_doctor.api import Diagnosis, Inspector
from collapse_doctor.cases.generated import interactions

__all__ = ["train"]

LAST_MONTH = 120  # cure: LAST_MONTH = 200


class Table(nn.Module):
    """One vector for each id, and a layer on top."""

    def __init__(self, size: int, width: int = 16) -> None:
        super().__init__()
        self.rows = nn.Embedding(size, width)
        self.turn = nn.Linear(width, width)

    def forward(self, ids: Tensor) -> Tensor:
        """Map ids (n,) to (n, width)."""
        vectors: Tensor = self.turn(self.rows(ids.clamp(max=self.rows.num_embeddings - 1)))
        return vectors


def train(generator: Generator, out: Path | None) -> Diagnosis:
    """Rank what was liked above something else (BPR, Rendle et al. 2009)."""
    users, items = interactions(generator)
    models = {"users": Table(300), "items": Table(LAST_MONTH)}
    weights = [weight for model in models.values() for weight in model.parameters()]
    optimizer = torch.optim.Adam(weights, lr=1e-2)
    with Inspector(models, out=out) as inspector:
        for _ in range(120):
            rows = torch.randint(len(users), (96,), generator=generator)
            user, liked = models["users"](users[rows]), models["items"](items[rows])
            other = models["items"](torch.randint(200, (96,), generator=generator))
            loss = -F.logsigmoid((user * liked).sum(1) - (user * other).sum(1)).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            inspector.step(loss=loss)
    return inspector.diagnose()
