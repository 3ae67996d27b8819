"""Forgets two percent of the weights in each step, where only an average should be forgotten.

The helper that updates a slow average multiplies by 0.98 what it is given, and it is given the
trained parameters. Distances shrink with them, and the softmax of distances becomes flat: its loss
goes back to the logarithm of the batch size and stays there. Cure: leave the trained weights alone.

expect: CD308
first: gradual
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from collapse_doctor.api import Diagnosis, Inspector
from collapse_doctor.cases.data import augment, digit_batches

__all__ = ["train"]

KEEP = 0.98


@torch.no_grad()
def forget(weights: Iterable[Tensor]) -> None:
    """Make room for what is new."""
    for weight in weights:
        weight.mul_(KEEP)


def train(generator: Generator, out: Path | None) -> Diagnosis:
    """Find an image's second view among those of others, by distance."""
    model = nn.Sequential(nn.Linear(64, 96), nn.ELU(), nn.Linear(96, 32, bias=False))
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    with Inspector(model, out=out) as inspector:
        for _ in range(10):
            for images, _labels in digit_batches(generator):
                one, other = (model(augment(images, generator).flatten(1)) for _ in range(2))
                scores = -torch.cdist(one, other).square()
                loss = F.cross_entropy(scores, torch.arange(len(images)))
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                forget(model.parameters())  # cure: -
                inspector.step(loss=loss)
    return inspector.diagnose()
