"""Normalises each number by itself, so that nothing of it is left.

LayerNorm wants the size of what it normalises over. Given 1 and a tensor with a last dimension of
one, it takes from each number its own mean: all become zero, and all wines one vector. There is no
error, and the loss settles at what the shares of the cultivars give. Cure: normalise over the right
dimension.

expect: CD311
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from collapse_doctor.api import Diagnosis, Inspector
from collapse_doctor.cases.data import wines

__all__ = ["train"]


class Tokens(nn.Module):
    """Each of the measurements a token with a vector of its own: (n, features) to (n, width)."""

    def __init__(self, features: int, width: int = 32) -> None:
        super().__init__()
        self.mix = nn.Linear(features, features)
        self.norm = nn.LayerNorm(1)  # cure: self.norm = nn.LayerNorm((features, 1))
        self.names = nn.Parameter(torch.randn(features, width) / width**0.5)
        self.block = nn.TransformerEncoderLayer(width, 4, 64, dropout=0.0, batch_first=True)

    def forward(self, values: Tensor) -> Tensor:
        """Map measurements to vectors."""
        scaled = self.norm(self.mix(values)[..., None])
        states: Tensor = self.block(scaled * self.names + self.names)
        return states.mean(1)


def train(generator: Generator, out: Path | None) -> Diagnosis:
    """Learn the cultivars."""
    values, cultivars = wines()
    model = nn.ModuleDict({"tokens": Tokens(values.shape[1]), "head": nn.Linear(32, 3)})
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    with Inspector(model["tokens"], out=out) as inspector:
        for _ in range(60):
            rows = torch.randint(len(values), (64,), generator=generator)
            logits = model["head"](model["tokens"](values[rows]))
            loss = F.cross_entropy(logits, cultivars[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            inspector.step(loss=loss)
    return inspector.diagnose()
