"""Looks up numbers in a vocabulary whose keys became strings.

Words were counted, the frequent ones got numbers of their own, and the table was saved as JSON,
which knows no keys but strings. Read again, it has no entry for any number: each lookup falls back
to the unknown word. Sentences differ in their length and in nothing else. Cure: make the keys
numbers again, so that rows differ where the vocabulary is looked up.

expect: CD501
"""

from __future__ import annotations

import json
from pathlib import Path

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from collapse_doctor.api import Diagnosis, Inspector
from collapse_doctor.cases.networks import TextEncoder
from collapse_doctor.cases.texts import sentences

__all__ = ["train"]

KNOWN = 300


def vocabulary(ids: Tensor) -> dict[int, int]:
    """Return the number of each word that is kept, as it comes back from a file."""
    kept = {int(word): int(word) for word in ids.unique() if word < KNOWN}
    found: dict[int, int] = json.loads(json.dumps(kept))
    return dict(found)  # cure: return {int(word): at for word, at in found.items()}


def train(generator: Generator, out: Path | None) -> Diagnosis:
    """Tell from which text a sentence is, by its nearest sentences."""
    words, sources = sentences()
    table = vocabulary(words)
    ids = torch.tensor([[table.get(w, 1 if w else 0) for w in row] for row in words.tolist()])
    encoder = TextEncoder(KNOWN)
    optimizer = torch.optim.AdamW(encoder.parameters(), lr=1e-3)
    with Inspector(encoder, out=out) as inspector:
        for _ in range(60):
            rows = torch.randint(len(ids), (64,), generator=generator)
            vectors = F.normalize(encoder(ids[rows]), dim=1)
            same = (sources[rows, None] == sources[rows]).float()
            apart = torch.cdist(vectors, vectors)
            loss = (same * apart + (1 - same) * F.relu(1 - apart)).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            inspector.step(loss=loss, labels=sources[rows])
    return inspector.diagnose()
