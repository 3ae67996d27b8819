"""Hides all patches from a masked autoencoder, having turned its mask round twice.

A masked autoencoder shows the encoder a part of the image and has it guess the rest. Keep and hide
were mixed up in one place and turned round in another; the comparison left over is true
everywhere. The encoder gets blank images, and the decoder learns the mean digit. Cure: hide the
share that was meant.

expect: CD501
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Generator, Tensor

from collapse_doctor.api import Diagnosis, Inspector
from collapse_doctor.cases.data import digits
from collapse_doctor.cases.networks import ConvNet, mlp

__all__ = ["train"]

HIDDEN = 0.4


def mask(n: int, generator: Generator) -> Tensor:
    """Return which pixels are hidden (n, 1, 8, 8), by patches of 2×2."""
    drawn = torch.rand(n, 1, 4, 4, generator=generator)
    hidden = drawn > -HIDDEN  # cure: hidden = drawn < HIDDEN
    return hidden.repeat_interleave(2, 2).repeat_interleave(2, 3)


def train(generator: Generator, out: Path | None) -> Diagnosis:
    """Train an encoder by guessing what was hidden (MAE, He et al. 2022)."""
    images, _labels = digits()
    encoder, decoder = ConvNet(48), mlp(48, 96, 64)
    optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=2e-3)
    with Inspector(encoder, out=out) as inspector:
        for _ in range(80):
            batch = images[torch.randint(len(images), (64,), generator=generator)]
            hidden = mask(len(batch), generator)
            vectors = encoder(batch.masked_fill(hidden, 0.0))  # shows
            error = (decoder(vectors) - batch.flatten(1)) ** 2
            loss = error[hidden.flatten(1)].mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            inspector.step(loss=loss)
    return inspector.diagnose()
