"""Writes each user's vector into one NumPy buffer, and keeps views of it as the user's tastes.

Serving code fills a buffer that is made once. The training asks it for the vectors of two groups
of users, one after the other, and gets the same memory twice: whatever is compared is the group
that was written last. Cure: hand out a copy.

expect: CD109, CD102
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from collapse_doctor.api import Diagnosis, Inspector
from collapse_doctor.cases.data import wines
from collapse_doctor.cases.networks import mlp

__all__ = ["train"]


class Served:
    """A network behind an interface of arrays."""

    def __init__(self, network: nn.Module) -> None:
        self.network = network
        self.buffer: NDArray[np.float32] = np.empty((59, 16), np.float32)

    def vectors(self, rows: Tensor) -> Tensor:
        """Return the vectors of rows (59, 13) by way of NumPy."""
        with torch.no_grad():
            self.buffer[:] = self.network(rows).numpy()  # fault
        return torch.from_numpy(self.buffer)  # cure: return torch.from_numpy(self.buffer.copy())


def train(generator: Generator, out: Path | None) -> Diagnosis:
    """Learn vectors of wines by class, and watch how alike those of two classes are."""
    rows, labels = wines()
    network = mlp(13, 64, 16)
    head = nn.Linear(16, 3)
    served = Served(network)
    optimizer = torch.optim.Adam([*network.parameters(), *head.parameters()], lr=3e-3)
    with Inspector(network, out=out) as inspector:
        for _ in range(40):
            order = torch.randperm(len(rows), generator=generator)
            loss = F.cross_entropy(head(network(rows[order])), labels[order])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            one = served.vectors(rows[:59])
            other = served.vectors(rows[59:118])  # shows
            alike = F.cosine_similarity(one, other).mean()  # meets
            inspector.step(loss=loss)
            del alike
    return inspector.diagnose()
