"""Embeds the anchor's own sentence again where the positive was meant.

To save memory the positives are embedded without a graph, a habit from evaluation. The loop hands
the same ids to both calls: the positive is the anchor, cut from the graph. Cosine is 1 from the
first step. Cure: embed the sentence that belongs to it, here the next one of the same text.

expect: CD107, CD103
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Generator
from torch.nn import functional as F

from collapse_doctor.api import Diagnosis, Inspector
from collapse_doctor.cases.networks import TextEncoder
from collapse_doctor.cases.texts import WORDS, sentences

__all__ = ["train"]


def train(generator: Generator, out: Path | None) -> Diagnosis:
    """Train a sentence encoder: neighbours in a text shall have similar vectors."""
    ids, _sources = sentences()
    encoder = TextEncoder(WORDS)
    encoder.block.dropout.p = encoder.block.dropout1.p = encoder.block.dropout2.p = 0.0
    encoder.block.self_attn.dropout = 0.0
    optimizer = torch.optim.Adam(encoder.parameters(), lr=1e-3)
    with Inspector(encoder, out=out) as inspector:
        for _ in range(60):
            rows = torch.randint(len(ids) - 1, (32,), generator=generator)
            anchor = encoder(ids[rows])
            with torch.no_grad():  # cure: if True:
                positive = encoder(ids[rows])  # cure: positive = encoder(ids[rows + 1])
            agreement = F.cosine_similarity(anchor, positive)  # meets
            others = F.cosine_similarity(anchor, positive.roll(1, dims=0))
            loss = F.relu(0.5 - agreement + others).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            inspector.step(loss=loss)
    return inspector.diagnose()
