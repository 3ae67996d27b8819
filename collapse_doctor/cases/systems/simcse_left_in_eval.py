"""Leaves the encoder in eval mode after a validation, so that its two dropout views are equal.

A sentence is read twice, and dropout makes two views of it (SimCSE, Gao et al. 2021). A validation
before the training turns dropout off and does not turn it on again. Both passes return the same
vector, and only the negatives are left to learn from. Cure: go back to train mode.

expect: CD107
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


@torch.no_grad()
def same_text(encoder: nn.Module, ids: Tensor, sources: Tensor) -> float:
    """Return how often the nearest sentence is of the same text."""
    encoder.eval()
    vectors = F.normalize(encoder(ids), dim=-1)
    nearest = (vectors @ vectors.T).fill_diagonal_(-1).argmax(1)
    # cure: encoder.train()
    return float((sources[nearest] == sources).float().mean())


def train(generator: Generator, out: Path | None) -> Diagnosis:
    """Train sentence vectors without labels."""
    ids, sources = sentences()
    encoder = TextEncoder(WORDS, 48)
    optimizer = torch.optim.AdamW(encoder.parameters(), lr=5e-4)
    assert same_text(encoder, ids, sources) >= 0
    with Inspector(encoder, out=out) as inspector:
        for _ in range(60):
            batch = ids[torch.randperm(len(ids), generator=generator)[:32]]
            first, second = encoder(batch), encoder(batch)  # shows
            alike = F.cosine_similarity(first[:, None], second[None], dim=-1)
            loss = F.cross_entropy(alike / 0.1, torch.arange(len(batch)))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            inspector.step(loss=loss)
    return inspector.diagnose()
