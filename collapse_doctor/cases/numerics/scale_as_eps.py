"""Hands the scale of a cosine to `nn.CosineSimilarity`, which takes it for its eps.

Logits need a scale, and the second argument of the module looks like the place for it. It is the
eps: the least that a length may be. All rows are shorter, so what was meant for cosines are dot
products divided by a constant, and the lengths decide. Cure: leave the eps alone, and multiply.

expect: CD403
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Generator, nn
from torch.nn import functional as F

from collapse_doctor.api import Diagnosis, Inspector
from collapse_doctor.cases.generated import interactions

__all__ = ["train"]

SCALE = 10.0


def train(generator: Generator, out: Path | None) -> Diagnosis:
    """Learn the vectors of users and items from who likes what."""
    users, items = interactions(generator)
    towers = nn.ModuleDict({"user": nn.Embedding(300, 16), "item": nn.Embedding(200, 16)})
    cosine = nn.CosineSimilarity(2, SCALE)  # cure: cosine = nn.CosineSimilarity(2)
    optimizer = torch.optim.Adam(towers.parameters(), lr=2e-2)
    with Inspector(dict(towers.items()), out=out) as inspector:
        for _ in range(100):
            rows = torch.randint(len(users), (64,), generator=generator)
            one, liked = towers["user"](users[rows]), towers["item"](items[rows])
            scores = cosine(one[:, None], liked[None])
            # cure: scores = SCALE * scores
            loss = F.cross_entropy(scores, torch.arange(64))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            inspector.step(loss=loss)
    return inspector.diagnose()
