"""Keeps the vectors of the last step as keys for this one.

The positive of a batch is what the network gave in the step before, detached and kept in an
attribute: older weights, other images, and no gradient on that side. The rows do not even belong
together. Cure: keep to the second view of the same images.

expect: CD106
first: 1
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from collapse_doctor.api import Diagnosis, Inspector
from collapse_doctor.cases.data import augment, digit_batches
from collapse_doctor.cases.networks import ConvNet

__all__ = ["train"]


class Learner:
    """Keeps what it needs from step to step."""

    def __init__(self, encoder: nn.Module) -> None:
        self.encoder = encoder
        self.keys: Tensor | None = None
        self.optimizer = torch.optim.Adam(encoder.parameters(), lr=1e-3)

    def loss(self, images: Tensor, generator: Generator) -> Tensor:
        """Hold queries against keys, those of other rows being negatives."""
        queries = F.normalize(self.encoder(augment(images, generator)))
        keys = F.normalize(self.encoder(augment(images, generator)))
        if self.keys is not None:
            keys = self.keys  # cure: pass
        self.keys = queries.detach()  # fault
        alike = (queries * keys).sum(1)  # meets
        unlike = (queries * keys.roll(1, dims=0)).sum(1)
        return F.relu(0.5 - alike + unlike).mean()


def train(generator: Generator, out: Path | None) -> Diagnosis:
    """Train an encoder of digits by pairs."""
    encoder = ConvNet()
    learner = Learner(encoder)
    with Inspector(encoder, out=out) as inspector:
        for _ in range(3):
            for images, _labels in digit_batches(generator):
                loss = learner.loss(images, generator)
                learner.optimizer.zero_grad()
                loss.backward()
                learner.optimizer.step()
                inspector.step(loss=loss)
    return inspector.diagnose()
