"""Divides pixels by 255 in the data set and once more in the model.

The scans are turned into numbers from 0 to 1 by the data set. The network was taken over from a
program that did this in its first line, and so they are divided again, and then standardised by the
mean and deviation of pixels from 0 to 1: each is -mean / deviation, and what an image shows is a
hundredth of it. Cure: divide once.

expect: CD501
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Generator, Tensor
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

from collapse_doctor.api import Diagnosis, Inspector
from collapse_doctor.cases.data import augment, digits
from collapse_doctor.cases.networks import mlp

__all__ = ["train"]

MEAN, DEVIATION = 0.5, 0.3


class Scans(Dataset[tuple[Tensor, Tensor]]):
    """Two views of each digit, standardised."""

    def __init__(self, generator: Generator) -> None:
        self.images, _ = digits()
        self.generator = generator

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        image = self.images[index : index + 1]
        one, other = (self.view(image), self.view(image))
        return one, other

    def view(self, image: Tensor) -> Tensor:
        """Return one view of an image (1, 1, 8, 8), as (64,)."""
        pixels = augment(image, self.generator).flatten()
        pixels = pixels / 255  # cure: -
        return (pixels - MEAN) / DEVIATION


def train(generator: Generator, out: Path | None) -> Diagnosis:
    """Match two views of each image (InfoNCE, van den Oord et al. 2018)."""
    loader = DataLoader(Scans(generator), batch_size=50, shuffle=True, generator=generator)
    encoder = mlp(64, 64, 24)
    optimizer = torch.optim.SGD(encoder.parameters(), lr=0.05, momentum=0.9)
    with Inspector(encoder, out=out) as inspector:
        for _ in range(2):
            for one, other in loader:
                vectors = F.normalize(encoder(one), dim=1)
                others = F.normalize(encoder(other), dim=1)
                loss = F.cross_entropy(vectors @ others.T / 0.2, torch.arange(len(one)))
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                inspector.step(loss=loss)
    return inspector.diagnose()
