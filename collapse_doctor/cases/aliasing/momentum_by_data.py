"""Lets the predictor chase the .data of its own input.

The target of a predictor is to be the other view's vector, taken as given. It was written with
.data, and of the wrong variable: what the predictor is held against is what it was fed. It learns
to be the identity, and the encoder learns nothing that tells images apart. Cure: take the other
view's vector.

expect: CD103
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Generator, nn

from collapse_doctor.api import Diagnosis, Inspector
from collapse_doctor.cases.data import augment, digit_batches
from collapse_doctor.cases.networks import mlp

__all__ = ["train"]


def train(generator: Generator, out: Path | None) -> Diagnosis:
    """Train an encoder whose predictor is to tell one view's vector from the other's."""
    encoder = mlp(64, 128, 32, norm=True)
    predictor = nn.Sequential(nn.Identity(), mlp(32, 64, 32, norm=True))
    optimizer = torch.optim.SGD(
        [*encoder.parameters(), *predictor.parameters()], lr=0.1, momentum=0.9
    )
    huber = nn.SmoothL1Loss()
    with Inspector(encoder, out=out) as inspector:
        for _ in range(3):
            for images, _labels in digit_batches(generator):
                vectors = {
                    "first": encoder(augment(images, generator).flatten(1)),
                    "second": encoder(augment(images, generator).flatten(1)),
                }
                guess = vectors["first"]
                target = vectors["first"].data  # cure: target = vectors["second"].data
                kept = huber(guess, target)  # meets
                # cure: kept = huber(predictor(guess), target)
                drift = predictor(guess).square().mean() - 2 * predictor(guess).std(0).mean()
                loss = kept + 0.1 * drift
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                inspector.step(loss=loss)
    return inspector.diagnose()
