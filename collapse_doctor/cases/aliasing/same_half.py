"""Cuts a batch of two views in half, and takes the first half twice.

Two views go through the network as one batch, which is quicker. The slices that part them again
overlap: both begin at 0. The two are views of one memory, every pair agrees, and InfoNCE falls as
if learning were done. Cure: begin the second slice where the first one ends.

expect: CD102
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


def train(generator: Generator, out: Path | None) -> Diagnosis:
    """Train an encoder of digits by InfoNCE over two views."""
    encoder = ConvNet()
    optimizer = torch.optim.Adam(encoder.parameters(), lr=1e-3)
    with Inspector(encoder, out=out) as inspector:
        for _ in range(3):
            for images, _labels in digit_batches(generator):
                n = len(images)
                views = torch.cat([augment(images, generator), augment(images, generator)])
                vectors = F.normalize(encoder(views))
                first = vectors[:n]
                second = vectors[0:n]  # cure: second = vectors[n : 2 * n]
                agreement = F.cosine_similarity(first, second).mean()  # meets
                logits = first @ second.T / 0.2
                loss = F.cross_entropy(logits, torch.arange(n))
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                inspector.step(loss=loss)
                del agreement
    return inspector.diagnose()
