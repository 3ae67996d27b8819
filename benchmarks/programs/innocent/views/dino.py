"""DINO: sharpened, centred targets of a slow teacher.

expect: healthy
"""

import copy

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import augment, batches, mlp
from collapse_doctor import Inspector


class Dino(nn.Module):
    def __init__(self):
        super().__init__()
        self.b = mlp(64, 128, 64, act=nn.GELU)
        self.h = nn.Linear(64, 128, bias=False)

    def forward(self, x):
        return self.h(F.normalize(self.b(x), dim=-1))


student = Dino()
teacher = copy.deepcopy(student).requires_grad_(False)
centre = torch.zeros(1, 128)
optimizer = torch.optim.AdamW(student.parameters(), 0.001)
with Inspector({"student": student, "teacher": teacher}) as inspector:
    for x, _ in batches(200, 64):
        v = [augment(x), augment(x)]
        s = [student(u) / 0.1 for u in v]
        with torch.no_grad():
            tr = [teacher(u) for u in v]
            t = [F.softmax((u - centre) / 0.04, -1) for u in tr]
        loss = (
            -(t[0] * F.log_softmax(s[1], -1)).sum(-1).mean() / 2
            - (t[1] * F.log_softmax(s[0], -1)).sum(-1).mean() / 2
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            centre = centre * 0.9 + torch.cat(tr).mean(0, keepdim=True) * 0.1
            for p, q in zip(student.parameters(), teacher.parameters()):
                q.mul_(0.99).add_(p, alpha=0.01)
diagnosis = inspector.diagnose()
