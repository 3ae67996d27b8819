"""Makes labels by a comparison that is never true.

Tumours are malignant or benign, 0 or 1 in the table. The labels of the training ask for more than
1, as if the grades began with 1: not one is. All tumours have one label, so all pairs are to come
together. Cure: compare with what the column holds.

expect: CD503
"""

from __future__ import annotations

from pathlib import Path

import torch
from sklearn.datasets import load_breast_cancer
from torch import Generator, Tensor
from torch.nn import functional as F

from collapse_doctor.api import Diagnosis, Inspector
from collapse_doctor.cases.networks import mlp

__all__ = ["train"]


def tumours() -> tuple[Tensor, Tensor]:
    """Return 569 tumours, (569, 30) standardised measurements, and which are benign."""
    table = load_breast_cancer()
    values = torch.tensor(table.data, dtype=torch.float32)
    benign = torch.tensor(table.target) > 1  # cure: benign = torch.tensor(table.target) > 0
    return (values - values.mean(0)) / values.std(0), benign


def train(generator: Generator, out: Path | None) -> Diagnosis:
    """Draw tumours of one kind together, and others apart, by cosines."""
    values, benign = tumours()
    encoder = mlp(30, 48, 16, norm=True)
    optimizer = torch.optim.SGD(encoder.parameters(), lr=0.05, momentum=0.9)

    def step(inspector: Inspector) -> None:
        one, other = torch.randint(len(values), (2, 64), generator=generator)
        cosine = F.cosine_similarity(encoder(values[one]), encoder(values[other]))
        same = benign[one] == benign[other]
        loss = torch.where(same, 1 - cosine, F.relu(cosine - 0.1)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        inspector.step(loss=loss, labels=benign[one])

    with Inspector(encoder, out=out) as inspector:
        for _ in range(80):
            step(inspector)
    return inspector.diagnose()
