"""The loss that only pulls together: 1 - cos on positive pairs, and nothing else."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor.api import Diagnosis, Inspector
from collapse_doctor.cases.case import Case
from collapse_doctor.cases.data import augment, digit_batches, seeded

__all__ = ["CASE", "cured", "encoder", "sick"]

EPOCHS = 3
MARGIN = 0.2


def encoder() -> nn.Sequential:
    """Return a network that maps 8×8 images to vectors of 64 numbers."""
    return nn.Sequential(
        nn.Conv2d(1, 32, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3, padding=1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(64 * 4 * 4, 64),
    )


def sick(*, out: Path | None = None, seed: int = 0) -> Diagnosis:
    """Pull two views of each image together."""
    with seeded(seed) as generator:
        loader = digit_batches(generator)
        model = encoder()
        optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
        with Inspector(model, out=out) as inspector:
            for _ in range(EPOCHS):
                for images, _labels in loader:
                    one = model(augment(images, generator))
                    other = model(augment(images, generator))
                    loss = (1 - F.cosine_similarity(one, other)).mean()
                    optimizer.zero_grad()
                    loss.backward()
                    optimizer.step()
                    inspector.step(loss=loss)
    return inspector.diagnose()


def cured(*, out: Path | None = None, seed: int = 0) -> Diagnosis:
    """Pull two views of each image together, and push those of different images apart."""
    with seeded(seed) as generator:
        loader = digit_batches(generator)
        model = encoder()
        optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
        with Inspector(model, out=out) as inspector:
            for _ in range(EPOCHS):
                for images, _labels in loader:
                    one = model(augment(images, generator))
                    other = model(augment(images, generator))
                    loss = (1 - F.cosine_similarity(one, other)).mean()
                    negatives = F.cosine_similarity(one, other.roll(1, dims=0))
                    loss = loss + F.relu(negatives - MARGIN).mean()
                    optimizer.zero_grad()
                    loss.backward()
                    optimizer.step()
                    inspector.step(loss=loss)
    return inspector.diagnose()


CASE = Case(
    name="positive-pairs-only",
    title="only ever pulls together, until all inputs have one vector",
    story=(
        "Two views of an image should have similar vectors, so the loss is 1 - cos. It falls to "
        "zero within seconds, because one vector for all images satisfies it: nothing keeps "
        "different images apart. Cure: negatives, here the next image of the batch with a margin."
    ),
    expects=("CD208", "CD301", "CD207"),
    sick=sick,
    cured=cured,
)
