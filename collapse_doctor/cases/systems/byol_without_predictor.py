"""Trains BYOL without its predictor, with a teacher that follows at once.

BYOL has no negatives. It stays away from collapse by a predictor on the student's side and a slow
teacher (Grill et al. 2020, table 5). Here the student's vector itself is held against the
teacher's, which follows within a few steps: both walk to one vector. Cure: put a predictor on the
student's side.

expect: CD301
first: gradual
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Generator, nn
from torch.nn import functional as F

from collapse_doctor.api import Diagnosis, Inspector
from collapse_doctor.cases.data import augment, digit_batches

__all__ = ["train"]


class Predictor(nn.Sequential):
    """Predicts the teacher's vector from the student's."""

    def __init__(self, width: int = 32) -> None:
        super().__init__(nn.Linear(width, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, width))


def network() -> nn.Sequential:
    """Return encoder and projector: 64 pixels to 32 numbers."""
    return nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 32))


@torch.no_grad()
def follow(teacher: nn.Module, student: nn.Module, momentum: float = 0.8) -> None:
    """Move the teacher towards the student."""
    for slow, quick in zip(teacher.parameters(), student.parameters(), strict=True):
        slow.mul_(momentum).add_(quick, alpha=1 - momentum)


def train(generator: Generator, out: Path | None) -> Diagnosis:
    """Let the student tell what the teacher makes of another view."""
    student, teacher = network(), network().requires_grad_(False)
    teacher.load_state_dict(student.state_dict())
    predictor = nn.Identity()  # cure: predictor = Predictor()
    weights = [*student.parameters(), *predictor.parameters()]
    optimizer = torch.optim.Adam(weights, lr=3e-3)
    with Inspector({"student": student, "teacher": teacher}, out=out) as inspector:
        for _ in range(10):
            for images, _labels in digit_batches(generator):
                views = [augment(images, generator).flatten(1) for _ in range(2)]
                loss = torch.zeros(())
                for one, other in (views, views[::-1]):
                    guess = predictor(student(one))
                    loss = loss + 2 - 2 * F.cosine_similarity(guess, teacher(other)).mean()
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                follow(teacher, student)
                inspector.step(loss=loss)
    return inspector.diagnose()
