"""Averages the items of a history over its padding.

A session's vector is the mean of its items', and short sessions are filled up with item 0. It is
divided by the batch's length and the filler has a vector of its own, so that the same session gets
another vector beside a longer one. Training hardly shows it. Cure: the mean of what is no padding.

expect: CD210
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from collapse_doctor.api import Diagnosis, Inspector
from collapse_doctor.cases.generated import interactions

__all__ = ["train"]

ITEMS = 200


class Sessions(nn.Module):
    """The vector of a session, from those of its items."""

    def __init__(self, width: int = 24) -> None:
        super().__init__()
        self.items = nn.Embedding(ITEMS + 1, width)
        self.out = nn.Linear(width, width)

    def forward(self, items: Tensor, mask: Tensor) -> Tensor:
        """Map items (n, length) and a mask, 1 where one is, to (n, width)."""
        states = self.items(items)
        kept = mask.unsqueeze(-1).float()
        mean = states.mean(dim=1)  # cure: mean = (states * kept).sum(1) / kept.sum(1)
        del kept
        vectors: Tensor = self.out(mean)
        return vectors


def histories(generator: Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Return what each of 300 users liked before (300, 11), its mask, and what came next (300,)."""
    _users, items = interactions(generator)
    liked = items.reshape(300, 12) + 1
    lengths = torch.randint(2, 12, (300,), generator=generator)
    mask = torch.arange(11) < lengths[:, None]
    return liked[:, :11] * mask, mask, liked[:, 11]


def train(generator: Generator, out: Path | None) -> Diagnosis:
    """Learn which item comes next, against those of the other sessions in the batch."""
    before, mask, following = histories(generator)
    model = Sessions()
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    probe = (before[:64], mask[:64])
    with Inspector(model, probe=probe, out=out) as inspector:
        for _ in range(100):
            rows = torch.randint(300, (64,), generator=generator)
            scores = model(before[rows], mask[rows]) @ model.items(following[rows]).T
            same = following[rows][:, None] == following[rows]
            scores = scores.masked_fill(same & ~torch.eye(64, dtype=torch.bool), -1e9)
            loss = F.cross_entropy(scores, torch.arange(64))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            inspector.step(loss=loss)
    return inspector.diagnose()
