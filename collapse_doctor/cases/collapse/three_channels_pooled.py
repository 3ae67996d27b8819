"""Ends in three channels, averages each over the image, and embeds them in 64 dimensions.

The last convolution was copied from a network that returns pictures, and still has three
channels. The embedding has 64 numbers and the loss goes down, but whatever is learned passes
through three of them. Cure: widen the narrowest layer.

expect: CD303
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from collapse_doctor.api import Diagnosis, Inspector
from collapse_doctor.cases.data import augment, digit_batches

__all__ = ["train"]


def encoder(channels: int, width: int = 64) -> nn.Sequential:
    """Return a convolutional network for (n, 1, 8, 8) images that averages its last channels."""
    return nn.Sequential(
        nn.Conv2d(1, 24, 3, padding=1), nn.BatchNorm2d(24), nn.ReLU(),
        nn.Conv2d(24, 48, 3, stride=2, padding=1), nn.BatchNorm2d(48), nn.ReLU(),
        nn.Conv2d(48, channels, 3, padding=1), nn.BatchNorm2d(channels), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        nn.Linear(channels, width),
    )  # fmt: skip


def agreement(one: Tensor, other: Tensor, temperature: float = 0.2) -> Tensor:
    """Return how hard it is to find the other view of each image among all."""
    scores = F.normalize(one) @ F.normalize(other).T / temperature
    return F.cross_entropy(scores, torch.arange(len(scores)))


def train(generator: Generator, out: Path | None) -> Diagnosis:
    """Train as in SimCLR."""
    model = encoder(channels=3)  # cure: model = encoder(channels=96)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    with Inspector(model, out=out) as inspector:
        for _epoch in range(3):
            for images, _labels in digit_batches(generator):
                views = augment(images, generator), augment(images, generator)
                loss = agreement(*map(model, views))
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                inspector.step(loss=loss)
    return inspector.diagnose()
