"""Trains SimSiam with the gradient flowing into both sides.

SimSiam (Chen and He, CVPR 2021, section 4.1) has no negatives. What keeps it from collapsing is a
stop-gradient: each view predicts the other's vector, which is taken as given. Without it both
sides move towards each other and the loss reaches -1, its very best, with one direction for all
images. Cure: detach the target.

expect: CD208, CD301, CD207
first: gradual
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Generator, nn
from torch.nn import functional as F

from collapse_doctor.api import Diagnosis, Inspector
from collapse_doctor.cases.data import augment, digit_batches
from collapse_doctor.cases.networks import conv_layers

__all__ = ["train"]

EPOCHS = 6
WIDTH = 64


def encoder() -> nn.Sequential:
    """Return a network that maps 8×8 images to vectors: backbone and projector in one."""
    return nn.Sequential(
        *conv_layers(),
        nn.Linear(1024, 128),
        nn.BatchNorm1d(128),
        nn.ReLU(),
        nn.Linear(128, WIDTH),
    )


def predictor() -> nn.Sequential:
    """Return the bottleneck that predicts the vector of one view from that of the other."""
    return nn.Sequential(
        nn.Linear(WIDTH, 32),
        nn.BatchNorm1d(32),
        nn.ReLU(),
        nn.Linear(32, WIDTH),
    )


def train(generator: Generator, out: Path | None) -> Diagnosis:
    """Let the gradient flow into both sides."""
    loader = digit_batches(generator)
    model, head = encoder(), predictor()
    parameters = [*model.parameters(), *head.parameters()]
    optimizer = torch.optim.SGD(parameters, lr=0.8, momentum=0.9, weight_decay=1e-4)
    with Inspector(model, out=out) as inspector:
        for _ in range(EPOCHS):
            for images, _labels in loader:
                z1 = model(augment(images, generator))
                z2 = model(augment(images, generator))
                target2, target1 = z2, z1  # cure: target2, target1 = z2.detach(), z1.detach()
                loss1 = -F.cosine_similarity(head(z1), target2).mean()
                loss2 = -F.cosine_similarity(head(z2), target1).mean()
                loss = (loss1 + loss2) / 2
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                inspector.step(loss=loss)
    return inspector.diagnose()
