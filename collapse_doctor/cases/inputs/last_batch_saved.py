"""Trains an autoencoder, and saves the codes of the last batch for those of all waves.

The list of codes is made anew in each turn of the loop instead of being appended to, so the file
holds the last 24 of 600 rows. They look well, as 24 rows of 64 numbers always do. Cure: analyze
the rows of the whole data set.

expect: CD601 as info
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from collapse_doctor.api import Diagnosis, analyze
from collapse_doctor.cases.generated import waves
from collapse_doctor.cases.networks import mlp

__all__ = ["train"]


def fit(values: Tensor, generator: Generator) -> torch.nn.Sequential:
    """Return an encoder of waves (n, 48) that a decoder can read."""
    encoder, decoder = mlp(48, 96, 64), mlp(64, 96, 48)
    optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=2e-3)
    for _ in range(100):
        batch = values[torch.randint(len(values), (64,), generator=generator)]
        loss = F.mse_loss(decoder(encoder(batch)), batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return encoder


@torch.no_grad()
def train(generator: Generator, out: Path | None) -> Diagnosis:
    """Train, save the codes, and have them analyzed."""
    values = waves(generator)[0].flatten(1)
    with torch.enable_grad():
        encoder = fit(values, generator)
    codes: list[Tensor] = []
    for batch in values.split(24):
        codes = [encoder(batch)]  # cure: codes = [*codes, encoder(batch)]
    del out
    return analyze(torch.cat(codes))
