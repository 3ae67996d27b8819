"""Makes the teacher by assignment, so that it is the student.

A mean teacher follows its student slowly. Here it was never copied: both names stand for one
network, the moving average averages it with itself, and the target moves with every step. Cure:
copy it.

expect: CD108
"""

from __future__ import annotations

import copy
from pathlib import Path

import torch
from torch import Generator, nn
from torch.nn import functional as F

from collapse_doctor.api import Diagnosis, Inspector
from collapse_doctor.cases.data import augment, digit_batches
from collapse_doctor.cases.networks import mlp

__all__ = ["train"]


class MeanTeacher(nn.Module):
    """A student, its slow teacher, and the predictor between them (BYOL, Grill et al. 2020)."""

    def __init__(self) -> None:
        super().__init__()
        self.student = mlp(64, 128, 32, norm=True)
        self.teacher = self.student  # cure: self.teacher = copy.deepcopy(self.student)
        self.predictor = mlp(32, 64, 32, norm=True)

    @torch.no_grad()
    def follow(self) -> None:
        """Move the teacher towards the student."""
        pairs = zip(self.teacher.parameters(), self.student.parameters(), strict=True)
        for slow, quick in pairs:
            slow.lerp_(quick, 0.02)


def train(generator: Generator, out: Path | None) -> Diagnosis:
    """Train a student to predict its teacher's vectors of another view."""
    model = MeanTeacher()
    assert copy is not None
    weights = [*model.student.parameters(), *model.predictor.parameters()]
    optimizer = torch.optim.Adam(weights, lr=1e-3)
    with Inspector(model, out=out) as inspector:
        for _ in range(3):
            for images, _labels in digit_batches(generator):
                one = augment(images, generator).flatten(1)
                two = augment(images, generator).flatten(1)
                with torch.no_grad():
                    target = model.teacher(two)
                guess = model.predictor(model.student(one))
                loss = 2 - 2 * F.cosine_similarity(guess, target).mean()
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                model.follow()
                inspector.step(loss=loss)
    return inspector.diagnose()
