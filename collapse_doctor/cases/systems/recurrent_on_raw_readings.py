"""Feeds a recurrent net with readings in millivolts, which drive every gate to its end.

A sensor's file is in millivolts, where the net was tuned on volts. Numbers a thousand times too
large hold the state at -1 or 1: it knows signs, no heights, and hardly a gradient comes back. The
loss falls slower than it should. Cure: scale the readings.

expect: CD314
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from collapse_doctor.api import Diagnosis, Inspector
from collapse_doctor.cases.generated import waves

__all__ = ["train"]


class Recurrent(nn.Module):
    """A plain recurrent net (Elman 1990), written out, with a classifier at its last state."""

    def __init__(self, width: int = 32, kinds: int = 5) -> None:
        super().__init__()
        self.enter = nn.Linear(2, width)
        self.again = nn.Linear(width, width, bias=False)
        self.squash = nn.Tanh()
        self.head = nn.Linear(width, kinds)

    def forward(self, sequences: Tensor) -> Tensor:
        """Map (n, length, 2) to logits (n, kinds)."""
        state = sequences.new_zeros(len(sequences), self.again.in_features)
        for reading in sequences.unbind(1):
            state = self.squash(self.enter(reading) + self.again(state))
        logits: Tensor = self.head(state)
        return logits


def train(generator: Generator, out: Path | None) -> Diagnosis:
    """Tell slow waves from quick ones."""
    volts, kinds = waves(generator)
    readings = 1000 * volts
    # cure: readings = readings / readings.std()
    net = Recurrent()
    optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
    with Inspector(net, out=out) as inspector:
        for _ in range(80):
            rows = torch.randint(len(kinds), (64,), generator=generator)
            loss = F.cross_entropy(net(readings[rows]), kinds[rows])  # shows
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimizer.step()
            inspector.step(loss=loss)
    return inspector.diagnose()
