"""Divides the anchor by a temperature, and takes the result for the positive.

Logits are divided by a temperature; here it was put on the embedding, and the divided one took the
place of the positive. Every row of one is a multiple of the same row of the other, so their cosine
is 1 whatever the network does. Cure: embed the positive's view and divide that.

expect: CD105
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Generator
from torch.nn import functional as F

from collapse_doctor.api import Diagnosis, Inspector
from collapse_doctor.cases.data import augment, digit_batches
from collapse_doctor.cases.networks import ConvNet

__all__ = ["train"]

TEMPERATURE = 0.1


def train(generator: Generator, out: Path | None) -> Diagnosis:
    """Train an encoder of digits with a margin on cosines."""
    encoder = ConvNet()
    optimizer = torch.optim.Adam(encoder.parameters(), lr=1e-3)
    with Inspector(encoder, out=out) as inspector:
        for _ in range(3):
            for images, _labels in digit_batches(generator):
                anchor = encoder(augment(images, generator))
                view = augment(images, generator)
                positive = anchor / TEMPERATURE  # cure: positive = encoder(view) / TEMPERATURE
                alike = F.cosine_similarity(anchor, positive)  # meets
                unlike = F.cosine_similarity(anchor, positive.roll(1, dims=0))
                loss = ((1 - alike) + F.relu(unlike - 0.2)).mean()
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                inspector.step(loss=loss)
                del view
    return inspector.diagnose()
