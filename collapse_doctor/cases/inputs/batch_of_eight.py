"""Judges an embedding of 128 numbers by batches of eight.

The batches are as small as the memory asks for. Eight rows span seven dimensions at most, so
whether the other 121 are used cannot be seen: that nothing is said of the rank means nothing. Cure:
batches of more rows, as many as the finding names.

expect: CD601 as info
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

BATCH = 8  # cure: BATCH = 96


def train(generator: Generator, out: Path | None) -> Diagnosis:
    """Match two views of each image among a batch's."""
    loader = digit_batches(generator, batch_size=BATCH)
    encoder = ConvNet(128)
    optimizer = torch.optim.Adam(encoder.parameters(), lr=1e-3)
    steps = 0
    with Inspector(encoder, out=out) as inspector:
        while steps < 40:
            for images, _labels in loader:
                one = F.normalize(encoder(augment(images, generator)), dim=1)
                other = F.normalize(encoder(augment(images, generator)), dim=1)
                loss = F.cross_entropy(one @ other.T / 0.2, torch.arange(len(images)))
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                inspector.step(loss=loss)
                steps += 1
                if steps == 40:
                    break
    return inspector.diagnose()
