"""Runs the student together with its teacher under no_grad.

The teacher needs no gradient, and its line stands in a block without one. The student's line was
put into the same block. A linear layer that fits the two widths to each other learns, so the loss
falls, while the student stays as it was drawn. Cure: let the student out of the block.

expect: CD201
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Generator, nn
from torch.nn import functional as F

from collapse_doctor.api import Diagnosis, Inspector
from collapse_doctor.cases.data import augment, digit_batches
from collapse_doctor.cases.networks import ConvNet, mlp

__all__ = ["train"]


def taught(generator: Generator) -> nn.Module:
    """Return a teacher: a convolutional net trained for one epoch to know digits."""
    teacher = ConvNet(48)
    head = nn.Linear(48, 10)
    optimizer = torch.optim.Adam([*teacher.parameters(), *head.parameters()], lr=2e-3)
    for images, labels in digit_batches(generator):
        optimizer.zero_grad()
        F.cross_entropy(head(teacher(images)), labels).backward()
        optimizer.step()
    return teacher.eval().requires_grad_(False)


def train(generator: Generator, out: Path | None) -> Diagnosis:
    """Teach a small net the features of a larger one (FitNets, Romero et al. 2015)."""
    teacher = taught(generator)
    student, fit = mlp(64, 64, 24), nn.Linear(24, 48)
    optimizer = torch.optim.Adam([*student.parameters(), *fit.parameters()], lr=2e-3)
    with Inspector(student, out=out) as inspector:
        for _ in range(4):
            for images, _labels in digit_batches(generator):
                images = augment(images, generator)
                with torch.no_grad():
                    wanted = teacher(images)
                    found = student(images.flatten(1))  # shows
                # cure: found = student(images.flatten(1))
                loss = F.mse_loss(fit(found), wanted)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                inspector.step(loss=loss)
    return inspector.diagnose()
