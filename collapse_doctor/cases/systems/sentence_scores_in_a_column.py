"""Fits the cosines of sentence pairs to scores that are read as a column.

How alike two sentences are is a column of a table, (n, 1); the cosines are a row of n numbers.
Their difference is a table of n × n, in which every pair is fitted to every score, and the best
answer is the mean score for all. Cure: take the column as numbers.

expect: CD205
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from collapse_doctor.api import Diagnosis, Inspector
from collapse_doctor.cases.networks import TextEncoder
from collapse_doctor.cases.texts import WORDS, sentences

__all__ = ["train"]


def scored(ids: Tensor, first: Tensor, second: Tensor) -> Tensor:
    """Return the share of common words (n, 1) of pairs of sentences, as a table has it."""
    pairs = zip(ids[first].tolist(), ids[second].tolist(), strict=True)
    sets = [(set(one) - {0}, set(other) - {0}) for one, other in pairs]
    return torch.tensor([[len(one & other) / len(one | other)] for one, other in sets])


def train(generator: Generator, out: Path | None) -> Diagnosis:
    """Train sentence vectors on scores (Sentence-BERT, Reimers and Gurevych 2019)."""
    ids, _sources = sentences()
    encoder = TextEncoder(WORDS, 32)
    optimizer = torch.optim.AdamW(encoder.parameters(), lr=1e-3)
    with Inspector(encoder, out=out) as inspector:
        for _ in range(60):
            first = torch.randint(len(ids), (32,), generator=generator)
            second = (first + torch.randint(0, 6, (32,), generator=generator)) % len(ids)
            scores = scored(ids, first, second)
            cosines = F.cosine_similarity(encoder(ids[first]), encoder(ids[second]))
            errors = cosines - scores  # cure: errors = cosines - scores.squeeze(1)
            loss = errors.square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            inspector.step(loss=loss)
    return inspector.diagnose()
