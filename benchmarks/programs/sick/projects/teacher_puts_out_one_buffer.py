"""The teacher of a DINO-like project writes into one output buffer for all views.

expect: CD109
"""

import copy
import math

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import DIGITS, LABELS, augment
from collapse_doctor import Inspector


class Head(nn.Module):
    def __init__(self, width, out):
        super().__init__()
        self.mlp = nn.Sequential(nn.Linear(width, 64), nn.GELU(), nn.Linear(64, 24))
        self.last = nn.utils.parametrizations.weight_norm(nn.Linear(24, out, bias=False))

    def forward(self, x):
        return self.last(F.normalize(self.mlp(x), dim=-1))


class Network(nn.Module):
    def __init__(self, out=64):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(64, 96), nn.LayerNorm(96), nn.GELU())
        self.head = Head(96, out)

    def forward(self, x):
        return self.head(self.body(x))


class Teacher(nn.Module):
    """A frozen copy that follows its student."""

    def __init__(self, student, most=64):
        super().__init__()
        self.network = copy.deepcopy(student).requires_grad_(False)
        self.buffer = torch.empty(most, 64)

    @torch.no_grad()
    def follow(self, student, momentum):
        for slow, fast in zip(self.network.parameters(), student.parameters(), strict=True):
            slow.mul_(momentum).add_(fast, alpha=1 - momentum)

    @torch.no_grad()
    def forward(self, x):
        out = self.buffer[: len(x)]
        out.copy_(self.network(x))  # fault
        return out


class DINOLoss(nn.Module):
    def __init__(self, out=64, student_t=0.1, teacher_t=0.05, rate=0.9):
        super().__init__()
        self.student_t, self.teacher_t, self.rate = student_t, teacher_t, rate
        self.register_buffer("center", torch.zeros(out))

    def forward(self, student, teacher):
        targets = [F.softmax((t - self.center) / self.teacher_t, dim=-1) for t in teacher]
        logs = [F.log_softmax(s / self.student_t, dim=-1) for s in student]
        terms = [
            -(t * s).sum(-1).mean()
            for i, t in enumerate(targets)
            for j, s in enumerate(logs)
            if i != j
        ]
        self.update(torch.cat(teacher))
        return sum(terms) / len(terms)

    @torch.no_grad()
    def update(self, rows):
        self.center.mul_(self.rate).add_(rows.mean(0), alpha=1 - self.rate)


def momentum_at(step, steps, base=0.98):
    return 1 - (1 - base) * (math.cos(math.pi * step / steps) + 1) / 2


@torch.no_grad()
def knn(network, x, y):
    z = F.normalize(network.body(x), dim=1)
    return (y[(z @ z.T).fill_diagonal_(-1).argmax(1)] == y).float().mean().item()


student = Network()
teacher, criterion = Teacher(student), DINOLoss()
optimizer = torch.optim.AdamW(student.parameters(), lr=1e-3, weight_decay=0.04)
steps, scores = 60, []
with Inspector({"student": student, "teacher": teacher}) as inspector:
    for step in range(steps):
        rows = torch.randint(len(DIGITS), (64,))
        views = [augment(DIGITS[rows]) for _ in range(2)]
        targets = [teacher(view) for view in views]
        loss = criterion([student(view) for view in views], targets)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(student.parameters(), 3.0)
        optimizer.step()
        teacher.follow(student, momentum_at(step, steps))
        if step % 20 == 19:
            scores.append(knn(student, DIGITS[:200], LABELS[:200]))
diagnosis = inspector.diagnose()
