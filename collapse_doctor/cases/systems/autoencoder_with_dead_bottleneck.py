"""Draws the biases of an autoencoder's hidden layer around -3, so that its ReLUs are silent.

The initialisation was taken over from a layer of gates, where a large negative bias means "closed
at first". In front of a ReLU it means that nothing comes through, and no gradient goes back. The
decoder learns the mean digit. Cure: biases of zero.

expect: CD314
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from collapse_doctor.api import Diagnosis, Inspector
from collapse_doctor.cases.data import digit_batches

__all__ = ["train"]


class Autoencoder(nn.Module):
    """Two layers in, two layers out."""

    def __init__(self, bias: float) -> None:
        super().__init__()
        hidden = nn.Linear(96, 48)
        nn.init.constant_(hidden.bias, bias)
        self.encoder = nn.Sequential(
            nn.Linear(64, 96), nn.ReLU(), hidden, nn.ReLU(), nn.Linear(48, 12)
        )
        self.decoder = nn.Sequential(nn.Linear(12, 96), nn.ReLU(), nn.Linear(96, 64), nn.Sigmoid())

    def forward(self, pixels: Tensor) -> dict[str, Tensor]:
        """Return the codes (n, 12) and the rebuilt pixels (n, 64)."""
        codes = self.encoder(pixels)
        return {"codes": codes, "rebuilt": self.decoder(codes)}


def train(generator: Generator, out: Path | None) -> Diagnosis:
    """Train an autoencoder of digits."""
    model = Autoencoder(bias=-3.0)  # cure: model = Autoencoder(bias=0.0)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    with Inspector(model, out=out) as inspector:
        for _ in range(5):
            for images, _labels in digit_batches(generator):
                pixels = images.flatten(1)
                loss = F.binary_cross_entropy(model(pixels)["rebuilt"], pixels)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                inspector.step(loss=loss)
    return inspector.diagnose()
