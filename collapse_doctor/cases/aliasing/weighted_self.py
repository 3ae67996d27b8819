"""Weights each user by activity, and compares the user with that.

A recommender weights the vector of what was liked by how active the user is. By a slip of one name
it is the user's own vector that is weighted, and held against the user. One is a multiple of the
other, row by row, each by its own factor: the score is 1 for all. Cure: weight the item's vector.

expect: CD105
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from collapse_doctor.api import Diagnosis, Inspector
from collapse_doctor.cases.generated import interactions

__all__ = ["train"]


class Factors(nn.Module):
    """One vector for each user and each item."""

    def __init__(self, users: int, items: int, width: int = 24) -> None:
        super().__init__()
        self.users = nn.Embedding(users, width)
        self.items = nn.Embedding(items, width)

    def forward(self, users: Tensor, items: Tensor) -> dict[str, Tensor]:
        """Return the vectors of users and items (n, width) each."""
        return {"user": self.users(users), "item": self.items(items)}


def train(generator: Generator, out: Path | None) -> Diagnosis:
    """Learn who likes what, by cosines with a margin."""
    users, items = interactions(generator)
    activity = 0.5 + torch.rand(300, generator=generator)
    model = Factors(300, 200)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    with Inspector(model, out=out) as inspector:
        for _ in range(80):
            rows = torch.randint(len(users), (128,), generator=generator)
            vectors = model(users[rows], items[rows])
            weight = activity[users[rows], None]
            liked = vectors["user"] * weight  # cure: liked = vectors["item"] * weight
            score = F.cosine_similarity(vectors["user"], liked)  # meets
            other = F.cosine_similarity(vectors["user"], vectors["item"].roll(1, dims=0))
            loss = F.relu(0.5 - score + other).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            inspector.step(loss=loss)
    return inspector.diagnose()
