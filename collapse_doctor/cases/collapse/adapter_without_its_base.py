"""Adds an adapter of rank two to a projection, and forgets to add the projection.

Low-rank adaptation learns a small correction of a layer: base(x) + up(down(x)). Here forward()
returns the correction alone, so that the vectors of sentences have two dimensions of 64. Cure:
add the layer that was to be adapted, and what is behind it is no wider than before.

expect: CD303
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from collapse_doctor.api import Diagnosis, Inspector
from collapse_doctor.cases.networks import TextEncoder
from collapse_doctor.cases.texts import WORDS, sentences

__all__ = ["train"]


class Adapted(nn.Module):
    """A linear layer and a correction of low rank: (n, width) to (n, width)."""

    def __init__(self, base: nn.Linear, rank: int = 2) -> None:
        super().__init__()
        self.base = base
        self.down = nn.Linear(base.in_features, rank, bias=False)
        self.up = nn.Linear(rank, base.out_features, bias=False)

    def forward(self, states: Tensor) -> Tensor:
        """Map states to vectors."""
        correction: Tensor = self.up(self.down(states))
        return correction  # cure: return self.base(states) + correction


def train(generator: Generator, out: Path | None) -> Diagnosis:
    """Tell the half of a sentence from the halves of others."""
    ids, _sources = sentences()
    model = nn.Sequential(TextEncoder(WORDS), Adapted(nn.Linear(64, 64)))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    with Inspector(model, out=out) as inspector:
        for _ in range(60):
            batch = ids[torch.randperm(len(ids), generator=generator)[:48]]
            kept = torch.rand(2, *batch.shape, generator=generator) < 0.7
            kept[..., 0] = True
            first, second = (model(torch.where(each, batch, 1)) for each in kept)
            scores = F.cosine_similarity(first[:, None], second[None], dim=-1) / 0.1
            loss = F.cross_entropy(scores, torch.arange(len(batch)))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            inspector.step(loss=loss)
    return inspector.diagnose()
