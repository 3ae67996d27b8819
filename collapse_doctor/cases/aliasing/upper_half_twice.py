"""Stacks the vector of an image's upper half twice, where both halves were to be compared.

An encoder gives the vectors of the two halves of each image, stacked to one tensor. The list that
is stacked holds one of them twice. Both rows of the stack have their own memory and equal values.
Cure: stack one of each.

expect: CD104
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


class Halves(nn.Module):
    """One network that sees the upper and the lower half of an image apart."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.network = mlp(32, 128, width, norm=True)

    def forward(self, images: Tensor) -> Tensor:
        """Map (n, 1, 8, 8) to (2, n, width)."""
        halves = [self.network(half.flatten(1)) for half in images.chunk(2, dim=2)]
        upper = halves[0]
        return torch.stack([upper, upper])  # cure: return torch.stack([upper, halves[1]])


def train(generator: Generator, out: Path | None) -> Diagnosis:
    """Train an encoder so that the halves of one image have similar vectors."""
    encoder = Halves()
    optimizer = torch.optim.Adam(encoder.parameters(), lr=2e-3)
    with Inspector(encoder, out=out) as inspector:
        for _ in range(3):
            for images, _labels in digit_batches(generator):
                upper, lower = encoder(images).unbind(0)
                agreement = F.cosine_similarity(upper, lower).mean()  # meets
                logits = F.normalize(upper) @ F.normalize(lower).T / 0.2
                loss = F.cross_entropy(logits, torch.arange(len(images)))
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                inspector.step(loss=loss)
                del agreement
    return inspector.diagnose()
