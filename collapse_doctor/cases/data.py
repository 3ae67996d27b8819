"""The data of the cases: scikit-learn's bundled digits and wines, no download, always the same."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from sklearn.datasets import load_digits, load_wine
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

__all__ = ["augment", "digit_batches", "digits", "seeded", "wines"]

TRAIN = 1500
"""Digits that are trained on; the other 297 are held out."""


@contextmanager
def seeded(seed: int) -> Iterator[torch.Generator]:
    """Draw reproducibly inside the block, and leave the caller's random numbers as they were.

    Parameters
    ----------
    seed
        Seeds torch's global generator, from which layers draw their weights, and the generator
        that is returned, for everything else.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield torch.Generator().manual_seed(seed)


def digits(*, train: bool = True, size: int = 8) -> tuple[Tensor, Tensor]:
    """Return handwritten digits and what they show.

    Parameters
    ----------
    train
        The 1 500 digits to train on, or the 297 that are held out. The split never changes.
    size
        Height and width in pixels. The scans have 8; more is interpolated.

    Returns
    -------
    images
        (n, 1, size, size) float32 from 0 to 1.
    labels
        (n,) int64 from 0 to 9.
    """
    images, labels = _scans()
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(0))
    chosen = order[:TRAIN] if train else order[TRAIN:]
    images = images[chosen]
    if size != images.shape[-1]:
        images = F.interpolate(images, size=size, mode="bilinear", align_corners=False)
    return images, labels[chosen]


@functools.cache
def _scans() -> tuple[Tensor, Tensor]:
    scans = load_digits()
    images = torch.tensor(scans.images, dtype=torch.float32)[:, None] / 16
    return images, torch.tensor(scans.target, dtype=torch.int64)


def digit_batches(
    generator: torch.Generator, *, size: int = 8, batch_size: int = 64
) -> DataLoader[tuple[Tensor, ...]]:
    """Return a shuffling loader of the training digits that drops a last, smaller batch."""
    return DataLoader(
        TensorDataset(*digits(size=size)),
        batch_size=batch_size,
        shuffle=True,
        drop_last=True,
        generator=generator,
    )


def augment(images: Tensor, generator: torch.Generator) -> Tensor:
    """Return one random view of each image: shifted by up to an eighth, dimmed, and noisy.

    Parameters
    ----------
    images
        (n, channels, height, width).
    generator
        What the views are drawn from.
    """
    n, _, height, width = images.shape
    reach = max(1, height // 8)
    shift = torch.randint(-reach, reach + 1, (n, 2), generator=generator)
    padded = F.pad(images, (reach,) * 4)
    rows = torch.arange(height) + reach + shift[:, :1]
    columns = torch.arange(width) + reach + shift[:, 1:]
    moved = padded[torch.arange(n)[:, None, None], :, rows[:, :, None], columns[:, None, :]]
    moved = moved.permute(0, 3, 1, 2)
    light = 0.6 + 0.4 * torch.rand(n, 1, 1, 1, generator=generator)
    return light * moved + 0.1 * torch.randn(moved.shape, generator=generator)


def wines() -> tuple[Tensor, Tensor]:
    """Return 178 wines: 13 standardised measurements (178, 13) float32, and 3 cultivars."""
    table = load_wine()
    values = torch.tensor(table.data, dtype=torch.float64)
    standardised = (values - values.mean(0)) / values.std(0)
    return standardised.float(), torch.tensor(table.target, dtype=torch.int64)
