"""Only ever pulls together, until all inputs have one vector.

Two views of an image should have similar vectors, so the loss is 1 - cos. It falls to zero within
seconds, because one vector for all images satisfies it: nothing keeps different images apart.
Cure: negatives, here the next image of the batch with a margin.

expect: CD208, CD301, CD207
first: gradual
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Generator, nn
from torch.nn import functional as F

from collapse_doctor.api import Diagnosis, Inspector
from collapse_doctor.cases.data import augment, digit_batches
from collapse_doctor.cases.networks import conv_layers

__all__ = ["train"]

EPOCHS = 3
MARGIN = 0.2


def encoder() -> nn.Sequential:
    """Return a network that maps 8×8 images to vectors of 64 numbers."""
    return nn.Sequential(*conv_layers(), nn.Linear(1024, 64))


def train(generator: Generator, out: Path | None) -> Diagnosis:
    """Pull two views of each image together."""
    loader = digit_batches(generator)
    model = encoder()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    with Inspector(model, out=out) as inspector:
        for _ in range(EPOCHS):
            for images, _labels in loader:
                one = model(augment(images, generator))
                other = model(augment(images, generator))
                loss = (1 - F.cosine_similarity(one, other)).mean()  # shows
                # cure: negatives = F.cosine_similarity(one, other.roll(1, dims=0))
                # cure: loss = loss + F.relu(negatives - MARGIN).mean()
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                inspector.step(loss=loss)
    return inspector.diagnose()
