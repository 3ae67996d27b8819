"""Adds forty residues to a state that is never normalised.

Each block adds to the state as much as there was. Forth, the state doubles in each; back, so does
the gradient: of the first block it is a billion times that of the last one. Clipping keeps the
steps finite, and all but the first blocks stand still. Cure: normalise what enters a block.

expect: CD204
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from collapse_doctor.api import Diagnosis, Inspector
from collapse_doctor.cases.data import augment, digit_batches

__all__ = ["train"]

WIDTH = 48


class Block(nn.Module):
    """Adds something to a state (n, WIDTH)."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(WIDTH, WIDTH)
        nn.init.orthogonal_(self.inner.weight, gain=2.0)

    def forward(self, state: Tensor) -> Tensor:
        """Return the state with its residue."""
        read = state  # cure: read = F.layer_norm(state, (WIDTH,))
        residue: Tensor = F.gelu(self.inner(read))
        return state + residue


def train(generator: Generator, out: Path | None) -> Diagnosis:
    """Tell each image's two views from those of others."""
    model = nn.Sequential(nn.Linear(64, WIDTH), *(Block() for _ in range(40)))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    with Inspector(model, out=out) as inspector:
        for _ in range(2):
            for images, _labels in digit_batches(generator):
                one, other = (model(augment(images, generator).flatten(1)) for _ in range(2))
                scores = F.normalize(one) @ F.normalize(other).T / 0.2
                loss = F.cross_entropy(scores, torch.arange(len(images)))
                optimizer.zero_grad()
                loss.backward()
                nn.utils.clip_grad_norm_(model.parameters(), 1.0)
                optimizer.step()
                inspector.step(loss=loss)
    return inspector.diagnose()
