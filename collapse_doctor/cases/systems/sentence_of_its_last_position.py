"""Takes the last position's state as a sentence's vector, which mostly is padding.

Sentences are filled up on the right, and `states[:, -1]` has read all the filling after the last
word. The same sentence gets another vector beside a longer one. It trains well, because in training
the same sentence always lies beside equally long ones. Cure: the state at the last word.

expect: CD210
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from collapse_doctor.api import Diagnosis, Inspector
from collapse_doctor.cases.texts import WORDS, sentences

__all__ = ["train"]


class Reader(nn.Module):
    """A recurrent net over words."""

    def __init__(self, width: int = 48) -> None:
        super().__init__()
        self.words = nn.Embedding(WORDS, width, padding_idx=0)
        self.read = nn.GRU(width, width, batch_first=True)
        self.out = nn.Linear(width, width)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Map ids (n, length) and a mask, 1 at words, to (n, width)."""
        states, _ = self.read(self.words(input_ids))
        last = attention_mask.sum(1) - 1
        state = states[:, -1]  # cure: state = states[torch.arange(len(last)), last]
        del last
        vectors: Tensor = self.out(state)
        return vectors


def train(generator: Generator, out: Path | None) -> Diagnosis:
    """Bring the two halves of a sentence's words together, against other sentences."""
    ids, _sources = sentences()
    ids = ids[(ids != 0).sum(1) < ids.shape[1]]
    model = Reader()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    batch = {"input_ids": ids[:64], "attention_mask": (ids[:64] != 0).long()}
    with Inspector(model, probe=batch, out=out) as inspector:
        for _ in range(60):
            words = ids[torch.randint(len(ids), (48,), generator=generator)]
            mask = (words != 0).long()
            changed = torch.where(torch.rand(words.shape, generator=generator) < 0.15, 1, words)
            one, other = model(words, mask), model(changed * mask, mask)
            scores = F.normalize(one) @ F.normalize(other).T / 0.1
            loss = F.cross_entropy(scores, torch.arange(len(words)))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            inspector.step(loss=loss)
    return inspector.diagnose()
