"""Takes the logarithm of counts, some of which are 0.

Counts are spread over orders of magnitude, so their logarithm is what a network should see. Some
are 0, and the logarithm of 0 is minus infinity: the first layer makes NaN of it, and the model is
lost with the first batch. Cure: add an eps, here 1, which keeps zeros at 0.

expect: CD401
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from collapse_doctor.api import Diagnosis, Inspector
from collapse_doctor.cases.texts import WORDS, sentences

__all__ = ["train"]


def bags(ids: Tensor) -> Tensor:
    """Return how often each word is in each sentence, as logarithms (n, WORDS)."""
    counts = F.one_hot(ids, WORDS).sum(1).float()
    return counts.log()  # cure: return (counts + 1).log()


class Trainer:
    """Fits an autoencoder of sentences."""

    def __init__(self, generator: Generator) -> None:
        self.encoder = nn.Sequential(nn.Linear(WORDS, 64), nn.Tanh(), nn.Linear(64, 24))
        self.decoder = nn.Linear(24, WORDS)
        self.generator = generator
        weights = [*self.encoder.parameters(), *self.decoder.parameters()]
        self.optimizer = torch.optim.AdamW(weights, lr=2e-3)

    def fit(self, ids: Tensor, inspector: Inspector, steps: int = 60) -> None:
        """Take some steps on random batches."""
        for _ in range(steps):
            rows = torch.randint(len(ids), (64,), generator=self.generator)
            words = bags(ids[rows])
            loss = F.mse_loss(self.decoder(self.encoder(words)), words)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            inspector.step(loss=loss)


def train(generator: Generator, out: Path | None) -> Diagnosis:
    """Compress sentences to 24 numbers."""
    ids, _ = sentences()
    trainer = Trainer(generator)
    with Inspector(trainer.encoder, out=out) as inspector:
        trainer.fit(ids, inspector)
    return inspector.diagnose()
