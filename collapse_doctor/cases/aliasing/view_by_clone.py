"""Clones the embedding in place of embedding a second view.

A placeholder from the first draft: the second view was to come later, and until then its vector
was a clone of the first one's. It stayed. The clone has memory and a graph of its own, so nothing
looks wrong, and the variance term alone trains the network. Cure: embed the second view.

expect: CD104
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


def spread(vectors: Tensor) -> Tensor:
    """Return how far the coordinates are from unit variance, and from being uncorrelated."""
    centred = vectors - vectors.mean(0)
    covariance = centred.T @ centred / (len(vectors) - 1)
    off = covariance - torch.diag(covariance.diagonal())
    variance = F.relu(1 - (covariance.diagonal() + 1e-4).sqrt()).mean()
    return variance + off.square().sum() / vectors.shape[1] / 25


def train(generator: Generator, out: Path | None) -> Diagnosis:
    """Train an encoder by invariance, variance and covariance (VICReg, Bardes et al. 2022)."""
    encoder = mlp(64, 128, 32, norm=True)
    optimizer = torch.optim.Adam(encoder.parameters(), lr=1e-3)
    with Inspector(encoder, out=out) as inspector:
        for _ in range(3):
            for images, _labels in digit_batches(generator):
                views = [augment(images, generator).flatten(1) for _ in range(2)]
                first = encoder(views[0])
                second = first.clone()  # cure: second = encoder(views[1])
                loss = F.mse_loss(first, second) + spread(first) + spread(second)  # meets
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                inspector.step(loss=loss)
    return inspector.diagnose()
