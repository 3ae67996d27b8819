"""Runs a batch in two halves to save memory, and takes the first one twice.

Whole batches didn't fit, so the model runs over halves and joins what comes out. The second half of
the input is cut out and never used. All rows exist, all are varied, but each is there twice, and
half of the labels are for other images. Cure: follow two equal rows to where they become one; run
over the second half.

expect: CD502
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from collapse_doctor.api import Diagnosis, Inspector
from collapse_doctor.cases.data import digit_batches
from collapse_doctor.cases.networks import mlp

__all__ = ["train"]


class InHalves(nn.Module):
    """A network that is run over half a batch at a time."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        """Map (n, 64) to (n, width)."""
        half = len(images) // 2
        first, second = images[:half], images[half:]
        assert len(first) == len(second)
        parts = (first, first)  # cure: parts = (first, second)
        return torch.cat([self.network(part) for part in parts])


def train(generator: Generator, out: Path | None) -> Diagnosis:
    """Train a classifier on the embedding."""
    encoder = InHalves(mlp(64, 128, 32))
    classifier = nn.Linear(32, 10)
    optimizer = torch.optim.Adam([*encoder.parameters(), *classifier.parameters()], lr=1e-3)
    with Inspector(encoder, out=out) as inspector:
        for _ in range(3):
            for images, labels in digit_batches(generator):
                loss = F.cross_entropy(classifier(encoder(images.flatten(1))), labels)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                inspector.step(loss=loss)
    return inspector.diagnose()
