"""Draws the second view with the random state of the first.

To make a run repeatable each view is drawn by a generator that is seeded with the number of the
batch. Both views of a batch are seeded alike, and are one view. With batch normalisation alone
nothing in the network tells them apart. Cure: seed the second view by another number.

expect: CD107, CD104
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from collapse_doctor.api import Diagnosis, Inspector
from collapse_doctor.cases.data import augment, digit_batches
from collapse_doctor.cases.networks import ConvNet

__all__ = ["train"]


def view(images: Tensor, seed: int) -> Tensor:
    """Draw one view, always the same for one seed."""
    return augment(images, torch.Generator().manual_seed(seed))


def train(generator: Generator, out: Path | None) -> Diagnosis:
    """Train an encoder of digits by NT-Xent (Chen et al. 2020)."""
    encoder = ConvNet(32)
    optimizer = torch.optim.Adam(encoder.parameters(), lr=1e-3)
    with Inspector(encoder, out=out) as inspector:
        for epoch in range(3):
            for number, (images, _labels) in enumerate(digit_batches(generator)):
                seed = 2 * (1000 * epoch + number)
                other = seed  # cure: other = seed + 1
                one = F.normalize(encoder(view(images, seed)))
                two = F.normalize(encoder(view(images, other)))  # shows
                alike = F.cosine_similarity(one, two).mean()  # meets
                both = torch.cat([one, two])
                scores = both @ both.T / 0.5
                scores = scores.masked_fill(torch.eye(len(both), dtype=torch.bool), -1e9)
                partner = torch.arange(len(both)).roll(len(one))
                loss = F.cross_entropy(scores, partner) - 0.01 * alike
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                inspector.step(loss=loss)
    return inspector.diagnose()
