"""Gives Adam the learning rate that LARS has in the paper.

Large-batch papers train with LARS at rates of 1 and more. Adam moves every weight by about its
rate in each step: a few steps make the vectors thousands of times longer, and as only their
directions count, nothing pulls them back; the gradient that could turn them shrinks as they grow.
Cure: a rate for Adam.

expect: CD309
first: gradual
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Generator, nn
from torch.nn import functional as F

from collapse_doctor.api import Diagnosis, Inspector
from collapse_doctor.cases.data import augment, digit_batches

__all__ = ["train"]


@dataclass
class Settings:
    """What the paper says."""

    rate: float = 1.2  # cure: rate: float = 0.0012
    temperature: float = 0.2
    epochs: int = 4
    width: int = 48


def train(generator: Generator, out: Path | None) -> Diagnosis:
    """Train as in SimCLR."""
    settings = Settings()
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 96), nn.GELU(), nn.Linear(96, settings.width))
    optimizer = torch.optim.Adam(model.parameters(), lr=settings.rate)
    with Inspector(model, out=out) as inspector:
        for _ in range(settings.epochs):
            for images, _labels in digit_batches(generator):
                first = F.normalize(model(augment(images, generator)), dim=1)
                second = F.normalize(model(augment(images, generator)), dim=1)
                scores = first @ second.T / settings.temperature
                loss = F.cross_entropy(scores, torch.arange(len(images)))
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                inspector.step(loss=loss)
    return inspector.diagnose()
