"""Reads flowers in the order of the table, which is sorted by species.

The loader does not shuffle, and the table lists one species after the other. So each batch of ten
has one label, every pair of it is to come together, and none is to stay apart. The loss falls to
nothing, at one vector for all flowers. Cure: shuffle.

expect: CD503
"""

from __future__ import annotations

from pathlib import Path

import torch
from sklearn.datasets import load_iris
from torch import Generator, Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from collapse_doctor.api import Diagnosis, Inspector
from collapse_doctor.cases.networks import mlp

__all__ = ["train"]


class ContrastiveLoss(nn.Module):
    """Pairs of one label are drawn together, others are kept a margin apart."""

    def __init__(self, margin: float = 1.0) -> None:
        super().__init__()
        self.margin = margin

    def forward(self, vectors: Tensor, labels: Tensor) -> Tensor:
        """Return the mean over the pairs of neighbours in the batch."""
        other, their = vectors.roll(1, dims=0), labels.roll(1)
        apart = F.pairwise_distance(vectors, other)
        same = (labels == their).float()
        pairs = same * apart.square() + (1 - same) * F.relu(self.margin - apart).square()
        return pairs.mean()


def train(generator: Generator, out: Path | None) -> Diagnosis:
    """Learn distances between flowers."""
    table = load_iris()
    values = torch.tensor(table.data, dtype=torch.float32)
    flowers = TensorDataset((values - values.mean(0)) / values.std(0), torch.tensor(table.target))
    shuffle = False  # cure: shuffle = True
    loader = DataLoader(flowers, batch_size=10, shuffle=shuffle, generator=generator)
    model, criterion = mlp(4, 32, 8), ContrastiveLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    with Inspector(model, out=out) as inspector:
        for _ in range(8):
            for measured, species in loader:
                loss = criterion(model(measured), species)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                inspector.step(loss=loss, labels=species)
    return inspector.diagnose()
