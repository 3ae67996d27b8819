"""Takes VICReg's variance within each vector, not over the batch.

The variance term keeps the coordinates from becoming constant over the images: `dim=0`. With
`dim=1` it asks each vector to have varied numbers, which one vector for all images has, too. What
is left draws the views together. Cure: a term of variance over the batch.

expect: CD301
first: gradual
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from collapse_doctor.api import Diagnosis, Inspector
from collapse_doctor.cases.data import augment, digit_batches
from collapse_doctor.cases.networks import mlp

__all__ = ["train"]

WIDTH = 32


def variance(vectors: Tensor) -> Tensor:
    """Return by how much standard deviations fall short of 1."""
    variances = vectors.var(dim=1)  # cure: variances = vectors.var(dim=0)
    return F.relu(1 - (variances + 1e-4).sqrt()).mean()


def covariance(vectors: Tensor) -> Tensor:
    """Return the squared covariances of different coordinates, per coordinate."""
    centred = vectors - vectors.mean(dim=0)
    matrix = centred.T @ centred / (len(vectors) - 1)
    others = matrix - torch.diag(matrix.diagonal())
    return others.square().sum() / WIDTH


def train(generator: Generator, out: Path | None) -> Diagnosis:
    """Train by invariance, variance and covariance (Bardes et al. 2022)."""
    model = mlp(64, 64, 64, WIDTH)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    with Inspector(model, out=out) as inspector:
        for _ in range(12):
            for images, _labels in digit_batches(generator):
                one, other = (model(augment(images, generator).flatten(1)) for _ in range(2))
                loss = 25 * F.mse_loss(one, other)
                loss = loss + 25 * (variance(one) + variance(other)) / 2
                loss = loss + 5 * (covariance(one) + covariance(other))
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                inspector.step(loss=loss)
    return inspector.diagnose()
