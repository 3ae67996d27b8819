"""Draws the query of each class from the same place as its one support image.

In one-shot learning a query has to lie nearest to its class's support. Both are taken from a list
shuffled once, and both take its beginning: each query is its own support, at a distance of 0,
however the network is drawn. Accuracy in training is 100 %. Cure: take the next one.

expect: CD107
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from collapse_doctor.api import Diagnosis, Inspector
from collapse_doctor.cases.data import digits
from collapse_doctor.cases.networks import ConvNet

__all__ = ["train"]


def episode(images: Tensor, labels: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
    """Return a support and a query of each of the ten digits, (10, 1, 8, 8) each."""
    support, query = [], []
    for digit in range(10):
        own = images[labels == digit]
        own = own[torch.randperm(len(own), generator=generator)]
        support.append(own[0])
        query.append(own[0])  # cure: query.append(own[1])
    return torch.stack(support), torch.stack(query)


def train(generator: Generator, out: Path | None) -> Diagnosis:
    """Train a prototypical network (Snell et al. 2017) with one shot of ten ways."""
    images, labels = digits()
    encoder = ConvNet(32)
    optimizer = torch.optim.Adam(encoder.parameters(), lr=1e-3)
    with Inspector(encoder, out=out) as inspector:
        for _ in range(80):
            support, query = episode(images, labels, generator)
            prototypes, vectors = encoder(support), encoder(query)  # shows
            nearness = -torch.cdist(vectors, prototypes)
            loss = F.cross_entropy(nearness, torch.arange(10))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            inspector.step(loss=loss)
    return inspector.diagnose()
