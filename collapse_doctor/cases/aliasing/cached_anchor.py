"""Caches the anchor by name, and reads it back as the positive.

A trainer keeps what it embeds in a dictionary, to spare a second pass. The positive is looked up
under the anchor's name, so that both are one object; the distance to the positive is 0 for ever
and the loss only pushes negatives away, until it is 0, too. Cure: look up the positive.

expect: CD101
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Generator, Tensor, nn

from collapse_doctor.api import Diagnosis, Inspector
from collapse_doctor.cases.data import augment, digit_batches
from collapse_doctor.cases.networks import ConvNet

__all__ = ["train"]


class Trainer:
    """A metric-learning trainer that embeds each view once per step."""

    def __init__(self, encoder: nn.Module) -> None:
        self.encoder = encoder
        self.optimizer = torch.optim.Adam(encoder.parameters(), lr=1e-3)
        self.criterion = nn.TripletMarginLoss(margin=1.0)
        self.embedded: dict[str, Tensor] = {}

    def embed(self, name: str, images: Tensor) -> None:
        """Embed a view and keep the result under its name."""
        self.embedded[name] = nn.functional.normalize(self.encoder(images))

    def step(self, images: Tensor, generator: Generator) -> float:
        """Train on one batch."""
        self.embed("anchor", augment(images, generator))
        self.embed("positive", augment(images, generator))
        anchor = self.embedded["anchor"]
        positive = self.embedded["anchor"]  # cure: positive = self.embedded["positive"]
        negative = anchor.roll(1, dims=0)
        loss = self.criterion(anchor, positive, negative)  # meets
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return float(loss.detach())


def train(generator: Generator, out: Path | None) -> Diagnosis:
    """Train an encoder of digits by triplets."""
    encoder = ConvNet()
    trainer = Trainer(encoder)
    with Inspector(encoder, out=out) as inspector:
        for _ in range(3):
            for images, _labels in digit_batches(generator):
                inspector.step(loss=trainer.step(images, generator))
    return inspector.diagnose()
