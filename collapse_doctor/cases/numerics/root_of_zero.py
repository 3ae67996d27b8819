"""Takes the root of squared distances that are 0 on the diagonal.

The distances of all pairs are computed by hand. The distance of a row to itself is 0, where the
root has an infinite gradient. A mask takes the diagonal out of the loss, but 0 times infinity is
NaN: the first loss is fine, the first step makes every weight NaN. Cure: add an eps below the root.

expect: CD401
first: 1
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from collapse_doctor.api import Diagnosis, Inspector
from collapse_doctor.cases.data import digit_batches
from collapse_doctor.cases.networks import ConvNet

__all__ = ["train"]

MARGIN = 4.0


def distances(rows: Tensor) -> Tensor:
    """Return how far apart the rows (n, d) are, (n, n)."""
    squares = (rows[:, None] - rows[None]).square().sum(-1)
    return squares.sqrt()  # cure: return (squares + 1e-6).sqrt()


def train(generator: Generator, out: Path | None) -> Diagnosis:
    """Pull digits of one class together and others a margin apart (Hadsell et al. 2006)."""
    net = ConvNet(32)
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    with Inspector(net, out=out) as inspector:
        for _ in range(2):
            for images, labels in digit_batches(generator):
                apart = distances(net(images))
                same = (labels[:, None] == labels[None]).float()
                others = 1 - torch.eye(len(labels))
                pairs = same * apart + (1 - same) * F.relu(MARGIN - apart)
                loss = (others * pairs).sum() / others.sum()
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                inspector.step(loss=loss)
    return inspector.diagnose()
