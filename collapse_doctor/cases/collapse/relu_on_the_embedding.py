"""Ends the projector in a ReLU, whose units die under a large learning rate.

The last layer is written like all others, with its ReLU. A learning rate that the rest of the
network bears drives most coordinates below zero for every image within a few steps, and no
gradient reaches them there. The loss goes down with those that are left. Cure: take the ReLU off
the embedding.

expect: CD304
first: gradual
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from collapse_doctor.api import Diagnosis, Inspector
from collapse_doctor.cases.data import augment, digit_batches

__all__ = ["train"]


def nt_xent(vectors: Tensor, temperature: float = 0.5) -> Tensor:
    """Return the loss of SimCLR for (2n, d): row i and row n + i are views of one image."""
    units = F.normalize(vectors)
    scores = (units @ units.T / temperature).fill_diagonal_(-1e9)
    partners = torch.arange(len(units)).roll(len(units) // 2)
    return F.cross_entropy(scores, partners)


def train(generator: Generator, out: Path | None) -> Diagnosis:
    """Train on two views of each digit."""
    network = nn.Sequential(
        nn.Flatten(),
        nn.Linear(64, 128),
        nn.ReLU(),
        nn.Linear(128, 48),
        nn.ReLU(),  # cure: -
    )
    optimizer = torch.optim.Adam(network.parameters(), lr=0.03)
    with Inspector(network, out=out) as inspector:
        for _epoch in range(4):
            for images, _labels in digit_batches(generator):
                views = torch.cat([augment(images, generator), augment(images, generator)])
                loss = nt_xent(network(views))
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                inspector.step(loss=loss)
    return inspector.diagnose()
