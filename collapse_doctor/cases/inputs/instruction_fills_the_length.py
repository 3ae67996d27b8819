"""Puts an instruction before each sentence, and cuts off at the length of the instruction.

Retrieval models are told what to do in words that come before the text. The instruction grew until
it was as long as the tokenizer's limit: what is left after the cut is the instruction, for each
sentence the same. Cure: cut the sentence, not the whole, where rows are first equal.

expect: CD501
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from collapse_doctor.api import Diagnosis, Inspector
from collapse_doctor.cases.texts import LENGTH, WORDS, sentences

__all__ = ["train"]


class Reader(nn.Module):
    """Reads words one after the other; its last state is the sentence's vector."""

    def __init__(self, width: int = 48) -> None:
        super().__init__()
        self.words = nn.Embedding(WORDS, width)
        self.gru = nn.GRU(width, width, batch_first=True)
        self.out = nn.Linear(width, 32)

    def forward(self, ids: Tensor) -> Tensor:
        """Map ids (n, length) to (n, 32)."""
        states, _ = self.gru(self.words(ids))
        vectors: Tensor = self.out(states.mean(1))
        return vectors


class Collate:
    """Puts an instruction before each sentence of a batch."""

    def __init__(self, generator: Generator) -> None:
        self.instruction = torch.randint(2, WORDS, (LENGTH,), generator=generator)

    def __call__(self, ids: Tensor) -> Tensor:
        """Return ids of at most LENGTH words."""
        whole = torch.cat([self.instruction.expand(len(ids), -1), ids], dim=1)
        return whole[:, :LENGTH]  # cure: return whole


def train(generator: Generator, out: Path | None) -> Diagnosis:
    """Bring together sentences with words left out, and keep others away."""
    ids, _ = sentences()
    collate = Collate(generator)
    model = Reader()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    with Inspector(model, out=out) as inspector:
        for _ in range(50):
            batch = ids[torch.randint(len(ids), (48,), generator=generator)]
            views = []
            for _ in range(2):
                left_out = torch.rand(batch.shape, generator=generator) < 0.15
                views.append(model(collate(batch.masked_fill(left_out, 1))))
            one, other = (F.normalize(view, dim=1) for view in views)
            loss = F.cross_entropy(one @ other.T / 0.1, torch.arange(48))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            inspector.step(loss=loss)
    return inspector.diagnose()
