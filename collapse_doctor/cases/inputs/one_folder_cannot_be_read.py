"""Reads a white page for each image of one folder, because an error was caught and passed over.

The images of one class are stored in another format. What cannot be read is replaced by zeros, so
that no download of a night is lost for one broken file, and now it is a class. All its vectors are
one, those of the other classes are fine, and so is every average. Cure: read that format, too.

expect: CD307
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from collapse_doctor.api import Diagnosis, analyze
from collapse_doctor.cases.data import augment, digits
from collapse_doctor.cases.networks import ConvNet

__all__ = ["train"]

READABLE = range(9)  # cure: READABLE = range(10)


def read(image: Tensor, folder: int) -> Tensor:
    """Return an image, or a white page where that fails."""
    try:
        if folder not in READABLE:
            raise ValueError("expected a format that is known")
        return image
    except ValueError:
        return torch.zeros_like(image)


def fit(images: Tensor, generator: Generator) -> nn.Module:
    """Return a network that tells each image's two views from those of others."""
    model = ConvNet(48)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    for _ in range(60):
        batch = images[torch.randint(len(images), (64,), generator=generator)]
        one, other = (F.normalize(model(augment(batch, generator))) for _ in range(2))
        loss = F.cross_entropy(one @ other.T / 0.2, torch.arange(len(batch)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model.eval()


def train(generator: Generator, out: Path | None) -> Diagnosis:
    """Train on what is readable, and embed all folders."""
    del out
    images, _labels = digits()
    model = fit(images, generator)
    held, folders = digits(train=False)
    pages = torch.stack([read(each, int(f)) for each, f in zip(held, folders, strict=True)])
    with torch.no_grad():
        return analyze(model(pages), labels=folders)
