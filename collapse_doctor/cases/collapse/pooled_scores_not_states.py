"""Pools the scores of attention times the query, and leaves out the states.

The sum that should weigh the states by their scores weighs the query instead, which has the right
width. Each sequence becomes a number times one vector, and the linear layer behind it makes
a line of that. Half of the kinds are told apart, so it seems to learn. Cure: weigh the states, so
that the place before the embedding is as wide as they are.

expect: CD302
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Generator, Tensor, nn

from collapse_doctor.api import Diagnosis, Inspector
from collapse_doctor.cases.generated import waves

__all__ = ["train"]


class Listener(nn.Module):
    """A recurrent network with attention: (n, length, 2) to (n, width)."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.recurrent = nn.GRU(2, width, batch_first=True)
        self.query = nn.Parameter(torch.randn(width) / width**0.5)
        self.project = nn.Linear(width, width)

    def forward(self, sequences: Tensor) -> Tensor:
        """Map sequences to vectors."""
        states, _last = self.recurrent(sequences)
        scores = torch.sigmoid(states @ self.query)
        values = self.query.expand_as(states)  # cure: values = states
        pooled = torch.einsum("nt,ntd->nd", scores, values)
        vectors: Tensor = self.project(pooled)
        return vectors


def train(generator: Generator, out: Path | None) -> Diagnosis:
    """Bring sequences of one kind together and move others apart, by triplets of distances."""
    sequences, kinds = waves(generator)
    model = Listener()
    criterion = nn.TripletMarginLoss(margin=1.0)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    by_kind = [sequences[kinds == kind] for kind in range(5)]
    with Inspector(model, out=out) as inspector:
        for _ in range(100):
            one, other = torch.randperm(5, generator=generator)[:2].tolist()
            same = by_kind[one][torch.randperm(len(by_kind[one]), generator=generator)[:64]]
            different = by_kind[other][
                torch.randperm(len(by_kind[other]), generator=generator)[:32]
            ]
            anchor, positive = model(same).chunk(2)
            loss = criterion(anchor, positive, model(different))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            inspector.step(loss=loss)
    return inspector.diagnose()
