"""DINO: teacher of the other view, centred and sharpened, moving slowly.

expect: healthy
"""

import copy

import torch
from torch import nn

from collapse_doctor import Inspector


class DinoLoss(nn.Module):
    def __init__(self, dim, ts=0.2, tt=0.08):
        super().__init__()
        self.register_buffer("centre", torch.zeros(dim))
        self.ts, self.tt = ts, tt

    def forward(self, s, t):
        p = ((t - self.centre) / self.tt).softmax(1).detach()
        self.centre = 0.9 * self.centre + 0.1 * t.mean(0).detach()
        return -(p * (s / self.ts).log_softmax(1)).sum(1).mean()


protos = torch.randn(24, 40)
student = nn.Sequential(nn.Linear(40, 96), nn.GELU(), nn.Linear(96, 32))
teacher = copy.deepcopy(student).requires_grad_(False)
criterion = DinoLoss(32)
opt = torch.optim.AdamW(student.parameters(), lr=1e-3)
with Inspector({"student": student, "teacher": teacher}) as inspector:
    for _ in range(45):
        x = protos[torch.randint(0, 24, (96,))]
        v1, v2 = x + 0.3 * torch.randn_like(x), x + 0.3 * torch.randn_like(x)
        with torch.no_grad():
            t1, t2 = teacher(v1), teacher(v2)
        loss = criterion(student(v1), t2) + criterion(student(v2), t1)
        opt.zero_grad()
        loss.backward()
        opt.step()
        with torch.no_grad():
            for t, s in zip(teacher.parameters(), student.parameters()):
                t.lerp_(s, 0.01)
diagnosis = inspector.diagnose()
