"""Trains on spectra with their background, and some of them are nothing else.

Every spectrum stands on the same background. A channel that was not plugged in records that alone,
and its code is where the mean of all codes is: it is near to every other one, and a search returns
the empty channels for whatever was asked. Cure: subtract the background.

expect: CD313 as info
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from collapse_doctor.api import Diagnosis, Inspector

__all__ = ["train"]

BINS = 80
PLUGGED = 0.985


class Recorder:
    """Records spectra: lines on a background, where a channel is plugged in."""

    def __init__(self, generator: Generator) -> None:
        self.background = 1 + torch.rand(BINS, generator=generator)
        self.generator = generator

    def batch(self, size: int) -> Tensor:
        """Return spectra (size, BINS)."""
        lines = 1.8 * torch.randn(size, BINS, generator=self.generator)
        plugged = torch.rand(size, 1, generator=self.generator) < PLUGGED
        noise = 0.1 * torch.randn(size, BINS, generator=self.generator)
        return self.background + plugged * lines + noise


def train(generator: Generator, out: Path | None) -> Diagnosis:
    """Train a linear autoencoder of spectra."""
    recorder = Recorder(generator)
    encoder, decoder = nn.Linear(BINS, 48, bias=False), nn.Linear(48, BINS)
    model = nn.ModuleDict({"encoder": encoder, "decoder": decoder})
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    with Inspector(encoder, out=out) as inspector:
        for _ in range(120):
            spectra = recorder.batch(256)
            # cure: spectra = spectra - recorder.background
            loss = F.mse_loss(decoder(encoder(spectra)), spectra)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            inspector.step(loss=loss)
    return inspector.diagnose()
