"""A teacher with one output buffer is called twice to warm up, and then once for its target.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import augment, batches, mlp
from collapse_doctor import Inspector


class Teacher(nn.Module):
    def __init__(self, most=256):
        super().__init__()
        self.network = mlp(64, 80, 24).requires_grad_(False)
        self.register_buffer("out", torch.empty(most, 24), persistent=False)

    @torch.no_grad()
    def forward(self, x):
        rows = self.out[: len(x)]
        rows[:, :12].copy_(self.network(x)[:, :12])
        rows[:, 12:].copy_(self.network(x)[:, 12:])
        return rows


teacher, student = Teacher(), mlp(64, 96, 24)
optimizer = torch.optim.Adam(student.parameters(), lr=2e-3)
with Inspector({"student": student, "teacher": teacher}) as inspector:
    for image, _ in batches(40):
        for _ in range(3):
            target = teacher(image)
        one, other = student(augment(image)), student(augment(image))
        loss = F.mse_loss(one, target) + F.mse_loss(other, target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
