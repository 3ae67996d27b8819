"""Mines the hardest triplets from the first step on, at a high learning rate.

With the farthest positive and the nearest negative of each anchor the quickest way down is to pull
all vectors to one point, where every triplet costs exactly the margin. The loss falls to it and
stays. Cure: a lower learning rate, and semi-hard negatives, which lie beyond the positive.

expect: CD301, CD207
first: gradual
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from collapse_doctor.api import Diagnosis, Inspector
from collapse_doctor.cases.data import digit_batches

__all__ = ["train"]

MARGIN = 0.5


def hardest(distances: Tensor, same: Tensor) -> Tensor:
    """Return the nearest negative's distance (n,) of each anchor."""
    return distances.masked_fill(same, torch.inf).amin(1)


def semi_hard(distances: Tensor, same: Tensor) -> Tensor:
    """Return the distance (n,) of a negative that is farther than the mean positive."""
    positive = (distances * same).sum(1, keepdim=True) / same.sum(1, keepdim=True)
    beyond = distances.masked_fill(same | (distances < positive), torch.inf).amin(1)
    return torch.where(beyond.isinf(), distances.masked_fill(same, 0).amax(1), beyond)


def train(generator: Generator, out: Path | None) -> Diagnosis:
    """Learn a metric of digits from triplets (FaceNet, Schroff et al. 2015)."""
    net = nn.Sequential(
        nn.Conv2d(1, 16, 3), nn.GELU(), nn.Conv2d(16, 32, 3), nn.GELU(), nn.Flatten(),
        nn.Linear(512, 32),
    )  # fmt: skip
    rate = 0.1  # cure: rate = 1e-3
    optimizer = torch.optim.Adam(net.parameters(), lr=rate)
    mined = hardest  # cure: mined = semi_hard
    with Inspector(net, out=out) as inspector:
        for _ in range(6):
            for images, labels in digit_batches(generator):
                vectors = net(images)
                distances = torch.cdist(vectors, vectors)
                same = labels[:, None] == labels
                positive = (distances * same).amax(1)
                loss = F.relu(positive - mined(distances, same) + MARGIN).mean()
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                inspector.step(loss=loss, labels=labels)
    return inspector.diagnose()
