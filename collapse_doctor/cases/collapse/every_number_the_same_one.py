"""Keeps each coordinate varied, and not one different from the others.

Of VICReg's three terms the one of covariance got no weight and that of variance little, since the
loss was lowest so. Each coordinate may vary, and all are one by and by: what two noisy views agree
on best is learnt 48 times. The loss looks well, and the rank goes down. Cure: the weights of the
paper for the terms of variance and covariance.

expect: CD310
first: gradual
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from collapse_doctor.api import Diagnosis, Inspector
from collapse_doctor.cases.data import digits
from collapse_doctor.cases.networks import mlp

__all__ = ["train"]

WIDTH = 48
VARIANCE, COVARIANCE = 2.0, 0.0  # cure: VARIANCE, COVARIANCE = 25.0, 25.0


def too_still(vectors: Tensor) -> Tensor:
    """Return by how much coordinates vary less than they should."""
    return F.relu(1 - (vectors.var(dim=0) + 1e-4).sqrt()).mean()


def alike(vectors: Tensor) -> Tensor:
    """Return how strongly different coordinates vary together."""
    covariance = torch.cov(vectors.T)
    return (covariance - covariance.diagonal().diag()).square().sum() / WIDTH


def train(generator: Generator, out: Path | None) -> Diagnosis:
    """Train by invariance and variance."""
    pixels = digits()[0].flatten(1)
    model = mlp(64, 128, WIDTH)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    with Inspector(model, out=out) as inspector:
        for _ in range(205):
            batch = pixels[torch.randint(len(pixels), (128,), generator=generator)]
            noise = 0.8 * torch.randn(2, *batch.shape, generator=generator)
            one, other = model(batch + noise[0]), model(batch + noise[1])
            loss = 25 * F.mse_loss(one, other)
            loss = loss + VARIANCE * (too_still(one) + too_still(other))
            loss = loss + COVARIANCE * (alike(one) + alike(other))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            inspector.step(loss=loss)
    return inspector.diagnose()
