"""Leaves the variance out of VICReg's loss, its weight being 0.

VICReg draws views together, keeps each coordinate's deviation above 1 and makes coordinates
uncorrelated (Bardes et al. 2022). The weight of the second term was set to 0 in a search. The third
alone is at its best, too, when everything is one vector. Cure: give it its weight.

expect: CD301
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

WEIGHTS = {
    "invariance": 25.0,
    "variance": 0.0,  # cure: "variance": 25.0,
    "covariance": 1.0,
}


def spread(vectors: Tensor) -> Tensor:
    """Return how far the deviations of the coordinates are below 1."""
    return F.relu(1 - (vectors.var(0) + 1e-4).sqrt()).mean()


def correlated(vectors: Tensor) -> Tensor:
    """Return the squared covariances of different coordinates, per coordinate."""
    centred = vectors - vectors.mean(0)
    covariance = centred.T @ centred / (len(vectors) - 1)
    return (covariance.square().sum() - covariance.diagonal().square().sum()) / vectors.shape[1]


def train(generator: Generator, out: Path | None) -> Diagnosis:
    """Train an encoder of digits by VICReg."""
    encoder = nn.Sequential(
        nn.Flatten(), nn.Linear(64, 128), nn.LayerNorm(128), nn.ReLU(), nn.Linear(128, 32)
    )
    optimizer = torch.optim.AdamW(encoder.parameters(), lr=5e-3)
    with Inspector(encoder, out=out) as inspector:
        for _ in range(7):
            for images, _labels in digit_batches(generator):
                one = encoder(augment(images, generator))
                two = encoder(augment(images, generator))
                terms = {
                    "invariance": F.mse_loss(one, two),
                    "variance": (spread(one) + spread(two)) / 2,
                    "covariance": correlated(one) + correlated(two),
                }
                loss = torch.stack([WEIGHTS[name] * terms[name] for name in terms]).sum()
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                inspector.step(loss=loss)
    return inspector.diagnose()
