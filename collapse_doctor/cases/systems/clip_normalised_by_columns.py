"""Divides each column of a batch by its length, where each row was meant.

Two towers read the two halves of a sentence and are trained to know which belong together. The
vectors are to have length 1, but the norm is taken along the batch, so that a vector depends on
whatever else is in its batch and the products are no cosines. The loss falls all the same. Cure:
normalise along the features.

expect: CD206
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from collapse_doctor.api import Diagnosis, Inspector
from collapse_doctor.cases.networks import TextEncoder
from collapse_doctor.cases.texts import LENGTH, WORDS, sentences

__all__ = ["train"]

HALF = LENGTH // 2


class Towers(nn.Module):
    """Two text encoders without common weights, and the temperature (CLIP, Radford et al. 2021)."""

    def __init__(self) -> None:
        super().__init__()
        self.left = TextEncoder(WORDS, 32)
        self.right = TextEncoder(WORDS, 32)
        self.scale = nn.Parameter(torch.tensor(2.7))

    def forward(self, left: Tensor, right: Tensor) -> dict[str, Tensor]:
        """Map the ids of both halves (n, length) to vectors (n, 32) of each."""
        return {"left": self.left(left), "right": self.right(right)}


def symmetric(logits: Tensor) -> Tensor:
    """Return the mean of the cross-entropies of rows and columns against the diagonal."""
    own = torch.arange(len(logits))
    return (F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own)) / 2


def train(generator: Generator, out: Path | None) -> Diagnosis:
    """Match the first half of each sentence with its second."""
    ids, _sources = sentences()
    ids = ids[(ids > 0).all(1)]
    model = Towers()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.01)
    with Inspector(model, out=out) as inspector:
        for _ in range(70):
            rows = torch.randint(len(ids), (48,), generator=generator)
            vectors = model(ids[rows, :HALF], ids[rows, HALF:])
            left, right = (
                F.normalize(vectors[side], dim=0)  # cure: F.normalize(vectors[side], dim=-1)
                for side in ("left", "right")
            )
            loss = symmetric(model.scale.exp() * left @ right.T)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            inspector.step(loss=loss)
    return inspector.diagnose()
