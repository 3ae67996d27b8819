"""Stacks sixteen rounds of averaging over neighbours, each in place of what was there before.

Each round of a graph network mixes a node with its neighbours. After a few all nodes of a group
are alike, after sixteen all nodes (over-smoothing, Li et al. 2018), and the classifier guesses.
Nothing is wrong with the data or the loss. Cure: add each round to what was there.

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

DEPTH, WIDTH = 16, 32


class GraphNet(nn.Module):
    """Rounds of graph convolution (Kipf and Welling 2017)."""

    adjacency: Tensor

    def __init__(self, adjacency: Tensor, groups: int) -> None:
        super().__init__()
        self.register_buffer("adjacency", adjacency)
        self.rounds = nn.ModuleList(nn.Linear(WIDTH, WIDTH) for _ in range(DEPTH))
        self.head = nn.Linear(WIDTH, groups)

    def forward(self, nodes: Tensor) -> Tensor:
        """Map the features of all nodes (n, WIDTH) to logits (n, groups)."""
        for layer in self.rounds:
            mixed = F.relu(layer(self.adjacency @ nodes))
            nodes = mixed  # cure: nodes = nodes + mixed
        logits: Tensor = self.head(nodes)
        return logits


def train(generator: Generator, out: Path | None) -> Diagnosis:
    """Tell the communities of a graph apart, knowing a fifth of its nodes."""
    adjacency, features, labels = communities(generator)
    known = torch.rand(len(labels), generator=generator) < 0.2
    net = GraphNet(adjacency, int(labels.max()) + 1)
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3, weight_decay=5e-4)
    with Inspector(net, out=out) as inspector:
        for _ in range(200):
            loss = F.cross_entropy(net(features)[known], labels[known])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            inspector.step(loss=loss, labels=labels)
    return inspector.diagnose()
