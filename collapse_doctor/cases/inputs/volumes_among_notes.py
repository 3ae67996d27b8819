"""Keeps whole volumes in one index with short notes: they are the nearest of everything.

A text's vector is the mean of its words'. All texts share the common words, and the longer one is,
the less else is left of it: a volume lies where the mean of all is. Whatever note is looked up, the
volumes come first, and they are about nothing in particular. Cure: take the mean of all out before
directions are compared.

expect: CD313 as info
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from collapse_doctor.api import Diagnosis, analyze

__all__ = ["train"]

COMMON, OWN, TOPICS = 20, 20, 60
"""Words that all texts use, words that a topic has beside them, and topics."""


def notes(generator: Generator, count: int = 700, length: int = 24) -> tuple[Tensor, Tensor]:
    """Return the words of notes (count, length), some of each topic's own, and their topics."""
    topics = torch.randint(TOPICS, (count, 1), generator=generator)
    own = COMMON + topics * OWN + torch.randint(OWN, (count, length), generator=generator)
    common = torch.randint(COMMON, (count, length), generator=generator)
    rare = torch.rand(count, length, generator=generator) < 0.3
    return torch.where(rare, own, common), topics.squeeze(1)


def word_vectors(words: Tensor, topics: Tensor, width: int = 96) -> nn.EmbeddingBag:
    """Return vectors of words, learnt by telling the topics of notes."""
    vectors = nn.EmbeddingBag(COMMON + OWN * TOPICS, width, mode="mean")
    classify = nn.Linear(width, TOPICS)
    optimizer = torch.optim.Adam([*vectors.parameters(), *classify.parameters()], lr=2e-3)
    for batch, wanted in zip(words.split(50), topics.split(50), strict=True):
        loss = F.cross_entropy(classify(vectors(batch)), wanted)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return vectors


def train(generator: Generator, out: Path | None) -> Diagnosis:
    """Learn vectors of words, and make an index of notes and volumes from them."""
    del out
    words, topics = notes(generator)
    vectors = word_vectors(words, topics)
    volumes = words.reshape(5, -1)
    with torch.no_grad():
        index = torch.cat([vectors(words), vectors(volumes)])
    # cure: index = index - index.mean(dim=0)
    return analyze(F.normalize(index))
