"""Ends the encoder with a ReLU, and asks for sparse codes.

The projection is rectified as the layers before it are, and a penalty on its activations makes it
sparse. For some wines no unit is active at all: their vectors are 0, and what a cosine makes of
them is the eps of the division. Cure: take the ReLU off the embedding.

expect: CD402
first: gradual
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Generator, nn

from collapse_doctor.api import Diagnosis, Inspector
from collapse_doctor.cases.data import wines

__all__ = ["train"]


def network() -> nn.Sequential:
    """Return the encoder: 13 measurements to 12 numbers."""
    return nn.Sequential(
        nn.Linear(13, 48),
        nn.ReLU(),
        nn.Linear(48, 12),
        nn.ReLU(),  # cure: nn.Identity(),
    )


def train(generator: Generator, out: Path | None) -> Diagnosis:
    """Draw wines of one cultivar together by cosines, with few active units."""
    values, cultivars = wines()
    encoder = network()
    criterion = nn.CosineEmbeddingLoss(margin=0.2)
    optimizer = torch.optim.Adam(encoder.parameters(), lr=3e-3)
    with Inspector(encoder, out=out) as inspector:
        for _ in range(150):
            one, other = torch.randint(len(values), (2, 64), generator=generator)
            codes, others = encoder(values[one]), encoder(values[other])
            same = torch.where(cultivars[one] == cultivars[other], 1, -1)
            loss = criterion(codes, others, same) + 0.1 * (codes.abs() + others.abs()).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            inspector.step(loss=loss)
    return inspector.diagnose()
