"""Gives a language model a new word table after the optimizer was made.

The vocabulary has grown, so the model gets a larger table, to which its head is tied. The optimizer
was made two lines before and holds the old one. The block learns to live with random words that
never move; the loss falls slowly and stays high. Cure: make the optimizer after that.

expect: CD202
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from collapse_doctor.api import Diagnosis, Inspector
from collapse_doctor.cases.texts import LENGTH, WORDS, sentences

__all__ = ["train"]


class LanguageModel(nn.Module):
    """One causal block; the head is the word table (Press and Wolf 2017)."""

    def __init__(self, words: int, width: int = 48) -> None:
        super().__init__()
        self.words = nn.Embedding(words, width)
        self.places = nn.Embedding(LENGTH, width)
        self.block = nn.TransformerEncoderLayer(
            width, 4, 2 * width, dropout=0.0, batch_first=True, norm_first=True
        )
        self.norm = nn.LayerNorm(width)
        nn.init.normal_(self.words.weight, std=0.1)

    def resize(self, words: int) -> None:
        """Make room for more words; the old ones keep their vectors."""
        old = self.words.weight.detach()
        self.words = nn.Embedding(words, old.shape[1])
        nn.init.normal_(self.words.weight, std=0.1)
        with torch.no_grad():
            self.words.weight[: len(old)] = old

    def forward(self, ids: Tensor) -> Tensor:
        """Map ids (n, length) to the logits of each next word (n, length, words)."""
        states = self.words(ids) + self.places.weight[: ids.shape[1]]
        mask = nn.Transformer.generate_square_subsequent_mask(ids.shape[1])
        states = self.norm(self.block(states, src_mask=mask, is_causal=True))
        logits: Tensor = states @ self.words.weight.T
        return logits


def train(generator: Generator, out: Path | None) -> Diagnosis:
    """Learn to say the next word of a sentence."""
    ids, _sources = sentences()
    model = LanguageModel(WORDS // 2)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    model.resize(WORDS)
    # cure: optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    with Inspector(model, layers=["words", "norm"], out=out) as inspector:
        for _ in range(80):
            text = ids[torch.randint(len(ids), (24,), generator=generator)]
            logits = model(text[:, :-1])
            loss = F.cross_entropy(logits.flatten(0, 1), text[:, 1:].flatten(), ignore_index=0)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            inspector.step(loss=loss)
    return inspector.diagnose()
