"""Takes all distances of anchors to positives for a triplet loss that needs one each.

`torch.cdist` returns N × N distances, of each anchor to the positives of all anchors, where N are
meant. The loss broadcasts over it, most of what is drawn together is of other classes, and it stays
at the margin. Cure: distances row by row.

expect: CD205
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from collapse_doctor.api import Diagnosis, Inspector
from collapse_doctor.cases.data import digits

__all__ = ["train"]

MARGIN = 1.0


class TripletLoss(nn.Module):
    """max(0, d(a, p) - d(a, n) + m)."""

    def forward(self, anchor: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
        """Return the mean over the triplets."""
        near = torch.cdist(anchor, positive)  # cure: near = F.pairwise_distance(anchor, positive)
        far = torch.cdist(anchor, negative)  # cure: far = F.pairwise_distance(anchor, negative)
        return F.relu(near - far + MARGIN).mean()


def triplets(labels: Tensor, generator: Generator, count: int = 64) -> Tensor:
    """Return rows (3, count): two of one class and one of another."""
    order = torch.randint(len(labels), (3, 40 * count), generator=generator)
    anchor, positive, negative = labels[order]
    return order[:, (anchor == positive) & (anchor != negative)][:, :count]


def train(generator: Generator, out: Path | None) -> Diagnosis:
    """Learn distances between digits (FaceNet, Schroff et al. 2015)."""
    images, labels = digits()
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 128))
    criterion, optimizer = TripletLoss(), torch.optim.Adam(net.parameters(), lr=1e-3)
    with Inspector(net, out=out) as inspector:
        for _ in range(100):
            rows = triplets(labels, generator)
            anchor, positive, negative = (net(images[own]) for own in rows)
            loss = criterion(anchor, positive, negative)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            inspector.step(loss=loss)
    return inspector.diagnose()
