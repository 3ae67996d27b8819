"""Rewards Barlow Twins for coordinates that are alike: a sign in its second term.

The cross-correlation of two views should be the identity: its diagonal 1, all else 0. What lies off
the diagonal is subtracted from the loss instead of added, and the loss goes down as the coordinates
become one. Each of them is standardised, so that none looks dead. Cure: the sign.

expect: CD302
first: gradual
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Generator, Tensor, nn

from collapse_doctor.api import Diagnosis, Inspector
from collapse_doctor.cases.data import augment, digit_batches
from collapse_doctor.cases.networks import mlp

__all__ = ["train"]


class BarlowTwins(nn.Module):
    """Encoder, projector and loss (Zbontar et al., ICML 2021)."""

    def __init__(self, width: int = 64, weight: float = 0.01) -> None:
        super().__init__()
        self.encoder = mlp(64, 128, width, norm=True)
        self.standardise = nn.BatchNorm1d(width, affine=False)
        self.weight = weight

    def weighed(self, on: Tensor, off: Tensor) -> Tensor:
        """Return both terms in one."""
        return on + self.weight * off

    def forward(self, one: Tensor, other: Tensor) -> Tensor:
        """Return the loss of two views (n, 64)."""
        first, second = (self.standardise(self.encoder(view)) for view in (one, other))
        correlation = first.T @ second / len(one)
        on = (correlation.diagonal() - 1).square().sum()
        off = correlation.square().sum() - correlation.diagonal().square().sum()
        return self.weighed(on, -off)  # cure: return self.weighed(on, off)


def train(generator: Generator, out: Path | None) -> Diagnosis:
    """Train on two views of digits."""
    twins = BarlowTwins()
    optimizer = torch.optim.AdamW(twins.parameters(), lr=2e-3)
    with Inspector(twins, layers=["encoder"], out=out) as inspector:
        for _ in range(20):
            for images, _labels in digit_batches(generator, batch_size=128):
                one, other = (augment(images, generator).flatten(1) for _ in range(2))
                loss = twins(one, other)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                inspector.step(loss=loss)
    return inspector.diagnose()
