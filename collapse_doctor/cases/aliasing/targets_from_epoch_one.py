"""Embeds the targets once before the training, and never again.

A table of targets, one for each image, is filled by the network before the first epoch and meant
to be refreshed after each. The line that refreshes it was lost. The network is pulled towards
where it began: the targets carry no gradient and no news. Cure: fill the table anew.

expect: CD106
first: gradual
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Generator, nn
from torch.nn import functional as F

from collapse_doctor.api import Diagnosis, Inspector
from collapse_doctor.cases.data import augment, digits
from collapse_doctor.cases.networks import mlp

__all__ = ["train"]


class Targets:
    """One target for each image, as the network saw it when it was asked last."""

    def __init__(self, network: nn.Module, generator: Generator) -> None:
        self.network, self.generator = network, generator
        self.images = digits()[0][:256]
        self.refresh()

    @torch.no_grad()
    def refresh(self) -> None:
        """Embed one view of every image."""
        views = augment(self.images, self.generator).flatten(1)
        self.table = F.normalize(self.network(views))  # fault


def train(generator: Generator, out: Path | None) -> Diagnosis:
    """Train an encoder of digits towards targets of its own."""
    network = mlp(64, 128, 32)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    with Inspector(network, out=out) as inspector:
        targets = Targets(network, generator)
        for _ in range(8):
            # cure: targets.refresh()
            for rows in torch.randperm(256, generator=generator).split(32):
                views = augment(targets.images[rows], generator).flatten(1)
                vectors = F.normalize(network(views))
                logits = vectors @ targets.table[rows].T / 0.2  # meets
                loss = F.cross_entropy(logits, torch.arange(32))
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                inspector.step(loss=loss)
    return inspector.diagnose()
