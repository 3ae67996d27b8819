"""Stacks 24 rounds of averaging over neighbours in a graph network.

More rounds were to see farther. Each makes neighbours more alike, and after 24 of them all
nodes of the graph have one vector, whatever group they are of (over-smoothing). The loss stays at
the logarithm of the number of groups. Cure: a residual connection around each round.

expect: CD311
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from collapse_doctor.api import Diagnosis, Inspector
from collapse_doctor.cases.generated import communities

__all__ = ["train"]

ROUNDS = 24


class GraphNetwork(nn.Module):
    """Features of the nodes (n, 32) and their graph to vectors (n, width)."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.enter = nn.Linear(32, width)
        self.rounds = nn.ModuleList(nn.Linear(width, width) for _ in range(ROUNDS))

    def forward(self, features: Tensor, adjacency: Tensor) -> Tensor:
        """Map features to vectors, by way of the neighbours'."""
        states: Tensor = self.enter(features)
        for layer in self.rounds:
            heard = torch.relu(adjacency @ layer(states))
            states = heard  # cure: states = states + heard
        return states


def train(generator: Generator, out: Path | None) -> Diagnosis:
    """Learn the groups of half of the nodes."""
    adjacency, features, groups = communities(generator)
    known = torch.randperm(len(groups), generator=generator)[: len(groups) // 2]
    network, head = GraphNetwork(), nn.Linear(32, 6)
    parameters = [*network.parameters(), *head.parameters()]
    optimizer = torch.optim.Adam(parameters, lr=1e-3)
    with Inspector(network, out=out) as inspector:
        for _ in range(220):
            vectors = network(features, adjacency)
            loss = F.cross_entropy(head(vectors[known]), groups[known])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            inspector.step(loss=loss)
    return inspector.diagnose()
