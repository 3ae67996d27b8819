"""Centres the kept vectors in place, and compares what is left with the network's output.

The vectors of a batch are kept for a plot, centred in place. `detach` shares memory: the network's
own output is centred with them, after it was computed and before it is compared. Cure: centre a
copy.

expect: CD109
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Generator
from torch.nn import functional as F

from collapse_doctor.api import Diagnosis, Inspector
from collapse_doctor.cases.data import augment, digit_batches
from collapse_doctor.cases.networks import mlp

__all__ = ["train"]


def train(generator: Generator, out: Path | None) -> Diagnosis:
    """Train an encoder of digits by pairs, and keep centred vectors for a plot."""
    encoder = mlp(64, 128, 32)
    optimizer = torch.optim.Adam(encoder.parameters(), lr=1e-3)
    kept = []
    with Inspector(encoder, out=out) as inspector:
        for _ in range(3):
            for images, _labels in digit_batches(generator):
                one = encoder(augment(images, generator).flatten(1))
                two = encoder(augment(images, generator).flatten(1))
                plotted = one.detach()  # cure: plotted = one.detach().clone()
                plotted.sub_(plotted.mean(0))  # shows
                kept.append(plotted)
                alike = F.cosine_similarity(one, two)  # meets
                unlike = F.cosine_similarity(one, two.roll(1, dims=0))
                loss = F.relu(0.5 - alike + unlike).mean()
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                inspector.step(loss=loss)
    return inspector.diagnose()
