"""Averages the error over pixels and sums the divergence, so that the divergence rules.

A variational autoencoder weighs how well it rebuilds against how little its codes say. Here the
first is a mean over 64 pixels, the second a sum over all codes. Saying nothing is cheapest: the
posterior becomes the prior, and all digits have one code. Cure: sum the error over pixels, too.

expect: CD308
first: gradual
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from collapse_doctor.api import Diagnosis, Inspector
from collapse_doctor.cases.data import digit_batches
from collapse_doctor.cases.networks import mlp

__all__ = ["train"]


class Vae(nn.Module):
    """Encoder, draw, decoder (Kingma and Welling 2014)."""

    def __init__(self, generator: Generator) -> None:
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(64, 128), nn.GELU())
        self.mean = nn.Linear(128, 8)
        self.log_variance = nn.Linear(128, 8)
        self.decoder = mlp(8, 128, 64)
        self.generator = generator

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the rebuilt pixels (n, 64), and the mean and log variance of the codes (n, 8)."""
        seen = self.trunk(pixels)
        mean, log_variance = self.mean(seen), self.log_variance(seen)
        noise = torch.randn(mean.shape, generator=self.generator)
        return self.decoder(mean + noise * (0.5 * log_variance).exp()), mean, log_variance


def train(generator: Generator, out: Path | None) -> Diagnosis:
    """Train a variational autoencoder of digits."""
    model = Vae(generator)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    with Inspector(model, layers=["mean"], out=out) as inspector:
        for _ in range(6):
            for images, _labels in digit_batches(generator):
                pixels = 4 * images.flatten(1)
                rebuilt, mean, spread = model(pixels)
                error = F.mse_loss(rebuilt, pixels)  # cure: error = 64 * F.mse_loss(rebuilt, pixels)
                divergence = 0.5 * (mean**2 + spread.exp() - 1 - spread).sum(1).mean()
                loss = error + divergence
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                inspector.step(loss=loss)
    return inspector.diagnose()
