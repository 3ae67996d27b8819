"""Takes the student's own output, detached, for the teacher's.

Self-distillation between two views needs a teacher: a slower copy, or the other view. Here the
target is the student's vector of the very same view, cut from the graph. The loss is 0 from the
first step and nothing is learnt. Cure: ask the teacher.

expect: CD103
"""

from __future__ import annotations

import copy
from pathlib import Path

import torch
from torch import Generator, nn

from collapse_doctor.api import Diagnosis, Inspector
from collapse_doctor.cases.data import augment, digit_batches
from collapse_doctor.cases.networks import mlp

__all__ = ["train"]


@torch.no_grad()
def follow(teacher: nn.Module, student: nn.Module, momentum: float = 0.99) -> None:
    """Move the teacher a little towards the student (BYOL, Grill et al. 2020)."""
    for slow, quick in zip(teacher.parameters(), student.parameters(), strict=True):
        slow.lerp_(quick, 1 - momentum)
    for kept, fresh in zip(teacher.buffers(), student.buffers(), strict=True):
        kept.copy_(fresh)


def train(generator: Generator, out: Path | None) -> Diagnosis:
    """Train a student to predict its slow copy's vectors of another view."""
    student = mlp(64, 128, 32, norm=True)
    teacher = copy.deepcopy(student).requires_grad_(False)
    predictor = mlp(32, 64, 32, norm=True)
    optimizer = torch.optim.Adam([*student.parameters(), *predictor.parameters()], lr=1e-3)
    cosine = nn.CosineSimilarity(dim=1)
    with Inspector({"student": student, "teacher": teacher}, out=out) as inspector:
        for _ in range(3):
            for images, _labels in digit_batches(generator):
                one = augment(images, generator).flatten(1)
                other = augment(images, generator).flatten(1)
                vectors = student(one)
                target = vectors.detach()  # cure: target = teacher(other)
                loss = 1 - cosine(vectors, target).mean()  # meets
                # cure: loss = 1 - cosine(predictor(vectors), target).mean()
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                follow(teacher, student)
                inspector.step(loss=loss)
                del other
    return inspector.diagnose()
