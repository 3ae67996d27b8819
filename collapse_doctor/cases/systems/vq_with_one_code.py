"""Begins the code book far from the encoder's outputs, so that one code is nearest to all.

A vector-quantised autoencoder replaces each vector by the nearest of 64 codes. Only codes that are
chosen are moved, and of codes drawn far away a few are nearest to everything. The rest are never
used, and all images come back as one of a few. Cure: begin the book with outputs of the encoder.

expect: CD301
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from collapse_doctor.api import Diagnosis, Inspector
from collapse_doctor.cases.data import digits
from collapse_doctor.cases.networks import mlp

__all__ = ["train"]


class Quantiser(nn.Module):
    """A code book (van den Oord et al. 2017)."""

    def __init__(self, first: Tensor) -> None:
        super().__init__()
        self.book = nn.Embedding.from_pretrained(first.clone(), freeze=False)

    def forward(self, vectors: Tensor) -> Tensor:
        """Replace each vector (n, width) by its nearest code."""
        nearest = torch.cdist(vectors, self.book.weight).argmin(1)
        codes: Tensor = self.book(nearest)
        return codes


def train(generator: Generator, out: Path | None) -> Diagnosis:
    """Train an autoencoder of digits through a code book."""
    images = digits()[0].flatten(1)
    encoder, decoder = mlp(64, 128, 16), mlp(16, 128, 64)
    first = torch.randn(64, 16, generator=generator)
    # cure: first = encoder(images[:64]).detach()
    quantiser = Quantiser(first)  # shows
    parts = nn.ModuleDict({"encoder": encoder, "quantiser": quantiser, "decoder": decoder})
    optimizer = torch.optim.Adam(parts.parameters(), lr=2e-3)
    with Inspector({"encoder": encoder, "quantiser": quantiser}, out=out) as inspector:
        for _ in range(200):
            batch = images[torch.randint(len(images), (96,), generator=generator)]
            vectors = encoder(batch)
            codes = quantiser(vectors)
            through = vectors + (codes - vectors).detach()
            loss = F.mse_loss(decoder(through), batch)
            loss = loss + F.mse_loss(codes, vectors.detach())
            loss = loss + 0.25 * F.mse_loss(vectors, codes.detach())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            inspector.step(loss=loss)
    return inspector.diagnose()
