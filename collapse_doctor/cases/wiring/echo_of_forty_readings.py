"""Starts a recurrent net whose states grow two and a half times with each reading.

The recurrent weights were drawn with a gain that suits a sigmoid, and the activation was changed
later. What comes back through 24 readings has grown a billionfold: a clipped step obeys the first
readings alone. Cure: a gain of 1.

expect: CD204
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from collapse_doctor.api import Diagnosis, Inspector
from collapse_doctor.cases.generated import waves

__all__ = ["train"]

GAIN = 2.5  # cure: GAIN = 1.0


class Echo(nn.Module):
    """A recurrent net with a leaky activation: (n, 24, 2) to its last state (n, width)."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.read = nn.Linear(2, width)
        self.enter, self.again = nn.Linear(width, width), nn.Linear(width, width, bias=False)
        nn.init.orthogonal_(self.again.weight, gain=GAIN)  # shows

    def forward(self, sequences: Tensor) -> Tensor:
        """Read from the first to the last."""
        state = sequences.new_zeros(len(sequences), self.again.in_features)
        for reading in self.read(sequences).unbind(1):
            state = F.leaky_relu(self.enter(reading) + self.again(state), 0.5)
        return state


def train(generator: Generator, out: Path | None) -> Diagnosis:
    """Tell slow waves from quick ones."""
    sequences, kinds = waves(generator)
    net, head = Echo(), nn.Linear(32, 5)
    optimizer = torch.optim.SGD([*net.parameters(), *head.parameters()], lr=0.01)
    with Inspector(net, out=out) as inspector:
        for _ in range(60):
            rows = torch.randint(len(kinds), (64,), generator=generator)
            loss = F.cross_entropy(head(net(sequences[rows])), kinds[rows])
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_([*net.parameters(), *head.parameters()], 1.0)
            optimizer.step()
            inspector.step(loss=loss)
    return inspector.diagnose()
