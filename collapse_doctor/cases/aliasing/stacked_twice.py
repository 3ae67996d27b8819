"""Stacks the first frame's vector twice, where two frames were to be held against each other.

Vectors of two moments of a sequence are stacked to one tensor and taken apart again further on.
The list that is stacked holds one of them twice. Both rows of the stack have their own memory and
equal values. Cure: stack one of each.

expect: CD104
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from collapse_doctor.api import Diagnosis, Inspector
from collapse_doctor.cases.generated import waves

__all__ = ["train"]


class Moments(nn.Module):
    """A recurrent net that gives the vectors of two moments of each sequence."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.cell = nn.GRU(2, width, batch_first=True)

    def forward(self, sequences: Tensor) -> Tensor:
        """Map (n, length, 2) to (2, n, width): the moments after a half and at the end."""
        states, _ = self.cell(sequences)
        early = states[:, states.shape[1] // 2]
        return torch.stack([early, early])  # cure: return torch.stack([early, states[:, -1]])


def train(generator: Generator, out: Path | None) -> Diagnosis:
    """Train a recurrent net so that two moments of a sequence have similar vectors."""
    sequences, _kinds = waves(generator)
    encoder = Moments()
    optimizer = torch.optim.Adam(encoder.parameters(), lr=3e-3)
    with Inspector(encoder, out=out) as inspector:
        for _ in range(60):
            rows = torch.randint(len(sequences), (48,), generator=generator)
            early, late = encoder(sequences[rows]).unbind(0)
            alike = F.cosine_similarity(early, late).mean()  # meets
            logits = F.normalize(early) @ F.normalize(late).T / 0.2
            loss = F.cross_entropy(logits, torch.arange(len(rows))) - 0.1 * alike
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            inspector.step(loss=loss)
    return inspector.diagnose()
