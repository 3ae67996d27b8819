"""Trains by centre loss alone: the softmax that stands beside it was left out of the sum.

Center loss (Wen et al., ECCV 2016) draws each vector to its class's centre, which follows slowly.
Centres begin at zero, and the softmax is what drives the classes apart. Without it vectors go to
where all centres are, and take the centres with them: lengths go to zero, and so does the loss.
Cure: add the cross-entropy.

expect: CD308
first: gradual
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Generator, Tensor, nn

from collapse_doctor.api import Diagnosis, Inspector
from collapse_doctor.cases.data import digit_batches
from collapse_doctor.cases.networks import mlp

__all__ = ["train"]


class CentreLoss(nn.Module):
    """Half the squared distance from the own class's centre, which learns, too."""

    def __init__(self, classes: int, width: int) -> None:
        super().__init__()
        self.centres = nn.Parameter(torch.zeros(classes, width))

    def forward(self, vectors: Tensor, labels: Tensor) -> Tensor:
        """Return the loss of vectors (n, width) and their labels (n,)."""
        return (vectors - self.centres[labels]).square().sum(1).mean() / 2


def train(generator: Generator, out: Path | None) -> Diagnosis:
    """Learn digits by their centres."""
    net, classify, pull = mlp(64, 128, 32), nn.Linear(32, 10), CentreLoss(10, 32)
    optimizers = [
        torch.optim.SGD([*net.parameters(), *classify.parameters()], lr=0.1, momentum=0.9),
        torch.optim.SGD(pull.parameters(), lr=0.05),
    ]
    with Inspector(net, out=out) as inspector:
        for _ in range(6):
            for images, labels in digit_batches(generator):
                vectors = net(images.flatten(1))
                loss = pull(vectors, labels)
                # cure: loss = 0.01 * loss + nn.functional.cross_entropy(classify(vectors), labels)
                for optimizer in optimizers:
                    optimizer.zero_grad()
                loss.backward()
                for optimizer in optimizers:
                    optimizer.step()
                inspector.step(loss=loss, labels=labels)
    return inspector.diagnose()
