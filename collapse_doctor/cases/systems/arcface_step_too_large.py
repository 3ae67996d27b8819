"""Trains an ArcFace classifier with a learning rate a hundred times too high.

Only the direction of a vector counts in a cosine, and each step goes at right angles to it: the
larger the steps, the longer the vectors grow, without bound. Directions soon hardly turn any more,
and the loss stays far above what it could be. The rate was taken from a recipe for SGD. Cure: a
rate that suits Adam.

expect: CD309
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


class ArcFace(nn.Module):
    """Cosines to one direction for each class, with an angle on top (Deng et al. 2019)."""

    def __init__(self, width: int, classes: int, scale: float = 30.0, margin: float = 0.2) -> None:
        super().__init__()
        self.directions = nn.Parameter(torch.randn(classes, width))
        self.scale, self.margin = scale, margin

    def forward(self, vectors: Tensor, labels: Tensor) -> Tensor:
        """Return the loss of vectors (n, width) whose classes are ``labels`` (n,)."""
        cosine = F.linear(F.normalize(vectors), F.normalize(self.directions))
        angle = cosine.clamp(-0.999, 0.999).acos()
        wanted = F.one_hot(labels, len(self.directions)) * self.margin
        return F.cross_entropy(self.scale * (angle + wanted).cos(), labels)


def train(generator: Generator, out: Path | None) -> Diagnosis:
    """Learn embeddings of digits from a classifier with an angular margin."""
    encoder = nn.Sequential(
        nn.Flatten(), nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(),
        nn.Linear(128, 32),
    )  # fmt: skip
    head = ArcFace(32, 10)
    rate = 0.1  # cure: rate = 1e-3
    optimizer = torch.optim.Adam([*encoder.parameters(), *head.parameters()], lr=rate)
    with Inspector(encoder, out=out) as inspector:
        for _ in range(5):
            for images, labels in digit_batches(generator):
                loss = head(encoder(images), labels)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                inspector.step(loss=loss, labels=labels)
    return inspector.diagnose()
