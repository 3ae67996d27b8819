"""Moves a teacher's parameters and forgets its buffers, so that it normalises by nothing.

The mean teacher follows its student by `parameters()`. Running means and variances of BatchNorm
are buffers and stay at 0 and 1, as they were made. In eval mode, in which the teacher is asked, its
layers then shift and scale nothing, and its vectors share one large mean. Cure: copy them, too.

expect: CD209
"""

from __future__ import annotations

import copy
from pathlib import Path

import torch
from torch import Generator, nn
from torch.nn import functional as F

from collapse_doctor.api import Diagnosis, Inspector
from collapse_doctor.cases.data import digits

__all__ = ["train"]


@torch.no_grad()
def follow(teacher: nn.Module, student: nn.Module) -> None:
    """Move the teacher towards the student."""
    for slow, quick in zip(teacher.parameters(), student.parameters(), strict=True):
        slow.lerp_(quick, 0.05)
    # cure: for kept, new in zip(teacher.buffers(), student.buffers()): kept.copy_(new)


def train(generator: Generator, out: Path | None) -> Diagnosis:
    """Train a classifier that agrees with its teacher (Tarvainen and Valpola 2017)."""
    images, labels = digits()
    inks = 255 * (1 - images.flatten(1))  # dark on white, as a scanner gives them
    student = nn.Sequential(
        nn.Linear(64, 96), nn.BatchNorm1d(96), nn.ReLU(), nn.Linear(96, 32), nn.BatchNorm1d(32)
    )
    head = nn.Linear(32, 10)
    teacher = copy.deepcopy(student).requires_grad_(False).eval()
    optimizer = torch.optim.Adam([*student.parameters(), *head.parameters()], lr=3e-3)
    watched = {"student": student, "teacher": teacher}
    with Inspector(watched, probe={"teacher": inks[:128]}, out=out) as inspector:
        for _ in range(150):
            rows = torch.randint(len(inks), (64,), generator=generator)
            noise = 20 * torch.randn(64, 64, generator=generator)
            found = student(inks[rows] + noise)
            wanted = teacher(inks[rows])
            loss = F.cross_entropy(head(found), labels[rows])
            loss = loss + (1 - F.cosine_similarity(found, wanted)).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            follow(teacher, student)  # shows
            inspector.step(loss=loss)
    return inspector.diagnose()
