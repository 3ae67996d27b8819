"""Sums a variational autoencoder's error over pixels, and keeps the rate that suited the mean.

The error is summed over 64 pixels, as the bound on the likelihood asks for, and with it the
gradient is 64 times as large. The learning rate of plain SGD stays as it was for the mean: each
step overshoots the last, the exponential of the log variances does the rest, and the weights are
NaN after a few steps. Cure: a lower rate.

expect: CD204, CD401
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
    rate = 8.0  # cure: rate = 2e-3
    optimizer = torch.optim.SGD(model.parameters(), lr=rate, momentum=0.9)  # shows
    with Inspector(model, layers=["mean"], out=out) as inspector:
        for _ in range(3):
            for images, _labels in digit_batches(generator):
                pixels = images.flatten(1)
                rebuilt, mean, spread = model(pixels)
                error = 64 * F.mse_loss(rebuilt, pixels)
                divergence = 0.5 * (mean**2 + spread.exp() - 1 - spread).sum(1).mean()
                loss = error + divergence
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                inspector.step(loss=loss)
    return inspector.diagnose()
