"""Feeds wines to a tanh network in the units they were measured in.

Proline is given in milligrams and reaches 1680, hue is about one. The first layer's sums are in
the hundreds, every tanh is at one of its rails, and no gradient comes back through it: the last
layer alone learns, from a few patterns of signs. Cure: scale the inputs.

expect: CD314
"""

from __future__ import annotations

from pathlib import Path

import torch
from sklearn.datasets import load_wine
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from collapse_doctor.api import Diagnosis, Inspector

__all__ = ["train"]


class Network(nn.Module):
    """Measurements (n, 13) to vectors (n, width)."""

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.first = nn.Linear(13, 64)
        self.second = nn.Linear(64, width)

    def forward(self, values: Tensor) -> Tensor:
        """Map measurements to vectors."""
        states = torch.tanh(self.first(values))  # shows
        vectors: Tensor = self.second(states)
        return vectors


def train(generator: Generator, out: Path | None) -> Diagnosis:
    """Learn the cultivars by cross-entropy."""
    table = load_wine()
    values = torch.tensor(table.data, dtype=torch.float32)
    cultivars = torch.tensor(table.target)
    # cure: values = (values - values.mean(0)) / values.std(0)
    network, head = Network(), nn.Linear(16, 3)
    optimizer = torch.optim.SGD([*network.parameters(), *head.parameters()], lr=0.05)
    with Inspector(network, out=out) as inspector:
        for _ in range(80):
            rows = torch.randint(len(values), (64,), generator=generator)
            loss = F.cross_entropy(head(network(values[rows])), cultivars[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            inspector.step(loss=loss)
    return inspector.diagnose()
