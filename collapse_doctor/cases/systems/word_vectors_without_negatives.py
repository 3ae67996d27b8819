"""Trains word vectors on words that stand together, and on none that do not.

Skip-gram draws a few random words beside each true neighbour (Mikolov et al. 2013). Here the number
to draw is 0. All words are pulled together, and since a product grows with the lengths, those grow
too. The loss is soon nearly 0, the best there is. Cure: draw five.

expect: CD208
first: gradual
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from collapse_doctor.api import Diagnosis, Inspector
from collapse_doctor.cases.texts import WORDS, sentences

__all__ = ["train"]

NEGATIVES = 0  # cure: NEGATIVES = 5


def neighbours() -> tuple[Tensor, Tensor]:
    """Return all pairs (n,) of frequent words that stand side by side."""
    ids, _sources = sentences()
    left, right = ids[:, :-1].flatten(), ids[:, 1:].flatten()
    both = (left > 1) & (right > 1)
    return left[both], right[both]


def train(generator: Generator, out: Path | None) -> Diagnosis:
    """Learn word vectors by skip-gram."""
    centres, contexts = neighbours()
    words, around = nn.Embedding(WORDS, 32), nn.Embedding(WORDS, 32)
    for table in (words, around):
        nn.init.normal_(table.weight, std=0.3)
    tables = {"words": words, "around": around}
    optimizer = torch.optim.Adam([t.weight for t in tables.values()], lr=2e-2)
    with Inspector(tables, out=out) as inspector:
        for _ in range(150):
            drawn = torch.randint(len(centres), (256,), generator=generator)
            vectors = words(centres[drawn])
            score = (vectors * around(contexts[drawn])).sum(-1)
            loss = -F.logsigmoid(score).mean()  # shows
            for _ in range(NEGATIVES):
                other = torch.randint(2, WORDS, (256,), generator=generator)
                loss = loss - F.logsigmoid(-(vectors * around(other)).sum(-1)).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            inspector.step(loss=loss)
    return inspector.diagnose()
