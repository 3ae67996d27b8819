"""Gives both projections of a two-headed network the first half of its output.

One linear layer has the vectors of two heads side by side. Both slices that part them take the
first half: the two are views of one memory. What was to be two projections that must agree is one
that cannot do otherwise. Cure: take the second half.

expect: CD102
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from collapse_doctor.api import Diagnosis, Inspector
from collapse_doctor.cases.data import wines
from collapse_doctor.cases.networks import mlp

__all__ = ["train"]


def ranked(left: Tensor, right: Tensor, margin: float = 0.3) -> Tensor:
    """Ask that each row is nearer to its partner than to the next row's."""
    near = (left - right).norm(dim=1)  # meets
    far = (left - right.roll(1, dims=0)).norm(dim=1)
    return F.relu(near - far + margin).mean()


def train(generator: Generator, out: Path | None) -> Diagnosis:
    """Train two projections of wines to agree, and a classifier beside them."""
    rows, labels = wines()
    trunk = mlp(13, 64, 48)
    classifier = nn.Linear(48, 3)
    optimizer = torch.optim.AdamW([*trunk.parameters(), *classifier.parameters()], lr=2e-3)
    with Inspector(trunk, out=out) as inspector:
        for _ in range(50):
            chosen = torch.randint(len(rows), (64,), generator=generator)
            both = trunk(rows[chosen])
            left = both[:, :24]
            right = both[:, :24]  # cure: right = both[:, 24:]
            loss = ranked(left, right) + F.cross_entropy(classifier(both), labels[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            inspector.step(loss=loss)
    return inspector.diagnose()
