"""Reads digits in the order of their labels, so that each batch has one of them.

The files lie in one folder for each digit and the loader doesn't shuffle. In a batch of a single
digit all pairs are positive: the supervised contrastive loss pulls everything together and then the
next digit to the same place. Cure: shuffle.

expect: CD503
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from collapse_doctor.api import Diagnosis, Inspector
from collapse_doctor.cases.data import augment, digits
from collapse_doctor.cases.networks import ConvNet

__all__ = ["train"]


class SupCon(nn.Module):
    """The supervised contrastive loss (Khosla et al. 2020), positives outside the logarithm."""

    def forward(self, vectors: Tensor, labels: Tensor) -> Tensor:
        """Return the mean over anchors; vectors (n, width) have length 1."""
        scores = vectors @ vectors.T / 0.2
        own = torch.eye(len(labels), dtype=torch.bool)
        positive = (labels[:, None] == labels) & ~own
        shares = scores - scores.masked_fill(own, -1e9).logsumexp(1, keepdim=True)
        return -((shares * positive).sum(1) / positive.sum(1).clamp(min=1)).mean()


def train(generator: Generator, out: Path | None) -> Diagnosis:
    """Train digits to lie near others of their kind."""
    images, labels = digits()
    order = torch.cat([torch.where(labels == digit)[0][:120] for digit in range(10)])
    folder = TensorDataset(images[order], labels[order])
    shuffle = False  # cure: shuffle = True
    loader = DataLoader(folder, batch_size=24, shuffle=shuffle, generator=generator)
    encoder, criterion = ConvNet(32), SupCon()
    optimizer = torch.optim.SGD(encoder.parameters(), lr=0.02, momentum=0.9)
    with Inspector(encoder, out=out) as inspector:
        for _ in range(2):
            for batch, kinds in loader:
                vectors = F.normalize(encoder(augment(batch, generator)), dim=1)
                loss = criterion(vectors, kinds)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                inspector.step(loss=loss, labels=kinds)
    return inspector.diagnose()
