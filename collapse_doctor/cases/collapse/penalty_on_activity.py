"""Asks for sparse codes with a penalty that silences most of them for good.

A sparse autoencoder pays for every unit that is active. The weight of that was set for a sum over
all units and is used with a mean over the batch alone, so that it pays to have no active unit but a
few. The reconstruction stays poor and the codes look sparse, as was wished. Cure: a smaller weight
on the penalty.

expect: CD304
first: gradual
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Generator, Tensor, nn

from collapse_doctor.api import Diagnosis, Inspector
from collapse_doctor.cases.generated import waves
from collapse_doctor.cases.networks import mlp

__all__ = ["train"]

SPARSITY = 0.02  # cure: SPARSITY = 0.001


class Coder(nn.Module):
    """Sequences to non-negative codes."""

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.body = mlp(48, 96, width)

    def forward(self, sequences: Tensor) -> Tensor:
        """Map (n, 24, 2) to (n, width)."""
        codes: Tensor = self.body(sequences.flatten(1)).relu()
        return codes


class Trainer:
    """Holds what is trained, and takes one step after the other."""

    def __init__(self) -> None:
        self.coder, self.decoder = Coder(), nn.Linear(64, 48)
        parameters = [*self.coder.parameters(), *self.decoder.parameters()]
        self.optimizer = torch.optim.Adam(parameters, lr=3e-3)

    def step(self, sequences: Tensor) -> Tensor:
        """Train on one batch and return its loss."""
        codes = self.coder(sequences)
        error = (self.decoder(codes) - sequences.flatten(1)).square().mean()
        loss: Tensor = error + SPARSITY * codes.sum(1).mean()
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss


def train(generator: Generator, out: Path | None) -> Diagnosis:
    """Train the autoencoder."""
    sequences, _kinds = waves(generator)
    trainer = Trainer()
    with Inspector(trainer.coder, out=out) as inspector:
        for _ in range(150):
            rows = torch.randint(len(sequences), (64,), generator=generator)
            inspector.step(loss=trainer.step(sequences[rows]))
    return inspector.diagnose()
