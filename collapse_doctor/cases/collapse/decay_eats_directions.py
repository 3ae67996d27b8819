"""Decays the weights a thousand times more than the copied recipe meant.

The recipe's 1e-4 became 1e-1. With a loss at a high temperature, which asks for little, weight
decay eats the weak directions one after the other. The vectors are normalised, so that their
lengths tell nothing, and the loss falls as long as the strong directions are left. Cure: lower
the weight decay.

expect: CD310
first: gradual
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from collapse_doctor.api import Diagnosis, Inspector
from collapse_doctor.cases.data import augment, digits

__all__ = ["train"]

CONFIG = {
    "rate": 0.05,
    "decay": 1e-1,  # cure: "decay": 1e-4,
    "temperature": 0.5,
    "steps": 225,
}


class Embedder(nn.Module):
    """Images to vectors: (n, 1, 8, 8) to (n, width)."""

    def __init__(self, width: int = 48) -> None:
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(64, 100), nn.Linear(100, 100)])
        self.last = nn.Linear(100, width)

    def forward(self, images: Tensor) -> Tensor:
        """Map images to vectors."""
        states = images.flatten(1)
        for layer in self.layers:
            states = torch.tanh(layer(states))
        vectors: Tensor = self.last(states)
        return vectors


def train(generator: Generator, out: Path | None) -> Diagnosis:
    """Tell each image's two views from those of others."""
    images, _labels = digits()
    model = Embedder()
    optimizer = torch.optim.SGD(model.parameters(), lr=CONFIG["rate"], weight_decay=CONFIG["decay"])
    with Inspector(model, out=out) as inspector:
        for _ in range(int(CONFIG["steps"])):
            batch = images[torch.randint(len(images), (64,), generator=generator)]
            first, second = (F.normalize(model(augment(batch, generator))) for _ in range(2))
            scores = first @ second.T / CONFIG["temperature"]
            loss = -scores.log_softmax(1).diagonal().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            inspector.step(loss=loss)
    return inspector.diagnose()
