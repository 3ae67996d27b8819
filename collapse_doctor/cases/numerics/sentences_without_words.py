"""Averages the words of sentences of which some have no known word left.

A small vocabulary was kept, and words outside it are masked out of the mean. Some sentences lose
all their words that way; their mean is 0, which has no direction: the loss compares it with others
by a cosine of 0 / 0. Cure: leave out the sentences whose mask is empty.

expect: CD402
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from collapse_doctor.api import Diagnosis, Inspector
from collapse_doctor.cases.texts import sentences

__all__ = ["train"]

KNOWN = 24


class MeanOfWords(nn.Module):
    """The mean of a sentence's known words, turned by a matrix."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.words = nn.Embedding(KNOWN, width)
        self.turn = nn.Linear(width, width, bias=False)

    def forward(self, ids: Tensor) -> Tensor:
        """Map ids (n, length), 0 being padding and 1 unknown, to (n, width)."""
        mask = ((ids > 1) & (ids < KNOWN)).float()
        states = self.words(ids.clamp(max=KNOWN - 1)) * mask[..., None]
        vectors: Tensor = self.turn(states.sum(1) / mask.sum(1, keepdim=True).clamp(min=1))
        return vectors


def train(generator: Generator, out: Path | None) -> Diagnosis:
    """Tell by their directions from which text sentences are."""
    ids, sources = sentences()
    kept = torch.ones(len(ids), dtype=torch.bool)  # cure: kept = ((ids > 1) & (ids < KNOWN)).any(1)
    ids, sources = ids[kept], sources[kept]
    encoder = MeanOfWords()
    optimizer = torch.optim.Adam(encoder.parameters(), lr=3e-3)
    with Inspector(encoder, out=out) as inspector:
        for _ in range(80):
            rows = torch.randint(len(ids), (96,), generator=generator)
            vectors = F.normalize(encoder(ids[rows]), dim=1)
            same = (sources[rows, None] == sources[rows]).float()
            same.fill_diagonal_(0)
            scores = (vectors @ vectors.T / 0.2).masked_fill(torch.eye(96).bool(), -1e9)
            told = same * F.log_softmax(scores, dim=1)
            loss = -(told.sum(1) / same.sum(1).clamp(min=1)).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            inspector.step(loss=loss)
    return inspector.diagnose()
