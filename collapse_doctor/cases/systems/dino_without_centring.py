"""Sharpens the teacher of DINO without subtracting its centre.

The teacher's outputs are divided by a low temperature, which makes one of them win; the centre is
what keeps it from being the same one for all images (Caron et al. 2021, section 3.1). It is kept
and updated here, and not subtracted. One output wins everywhere, and the loss falls to 0. Cure:
subtract the centre.

expect: CD301
first: gradual
"""

from __future__ import annotations

import copy
from pathlib import Path

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from collapse_doctor.api import Diagnosis, Inspector
from collapse_doctor.cases.data import augment, digit_batches

__all__ = ["train"]


class Teacher(nn.Module):
    """A slow copy of the student, and the running mean of what it returns."""

    centre: Tensor

    def __init__(self, student: nn.Module, outputs: int) -> None:
        super().__init__()
        self.net = copy.deepcopy(student).requires_grad_(False)
        self.register_buffer("centre", torch.zeros(outputs))

    def forward(self, images: Tensor) -> Tensor:
        """Return logits (n, outputs)."""
        logits: Tensor = self.net(images)
        self.centre.lerp_(logits.mean(0), 0.1)
        return logits

    def targets(self, images: Tensor) -> Tensor:
        """Return what the student is to say (n, outputs), rows summing to 1."""
        logits = self(images)
        wanted = logits  # cure: wanted = logits - self.centre
        return F.softmax(wanted / 0.05, dim=1)

    def follow(self, student: nn.Module, share: float = 0.1) -> None:
        """Move towards the student."""
        for slow, quick in zip(self.net.parameters(), student.parameters(), strict=True):
            slow.lerp_(quick, share)


def train(generator: Generator, out: Path | None) -> Diagnosis:
    """Let a student say of one view what its teacher says of another."""
    student = nn.Sequential(
        nn.Flatten(), nn.Linear(64, 128), nn.GELU(), nn.Linear(128, 32), nn.GELU(),
        nn.Linear(32, 48),
    )  # fmt: skip
    teacher = Teacher(student, 48)
    optimizer = torch.optim.AdamW(student.parameters(), lr=1e-2)
    with Inspector({"student": student, "teacher": teacher}, out=out) as inspector:
        for _ in range(6):
            for images, _labels in digit_batches(generator):
                one, other = augment(images, generator), augment(images, generator)
                with torch.no_grad():
                    wanted = teacher.targets(other)
                said = F.log_softmax(student(one) / 0.1, dim=1)
                loss = -(wanted * said).sum(1).mean()
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                with torch.no_grad():
                    teacher.follow(student)
                inspector.step(loss=loss)
    return inspector.diagnose()
