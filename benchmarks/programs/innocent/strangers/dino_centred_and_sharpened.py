"""DINO with centre and sharp teacher: pulls only, has no negatives and starts at log(out_dim), and is held open as designed.

expect: healthy
"""

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

from collapse_doctor import Inspector


class DinoHead(nn.Module):
    def __init__(self, d, out, bottleneck=24):
        super().__init__()
        self.mlp = nn.Sequential(
            nn.Linear(d, 96), nn.BatchNorm1d(96), nn.GELU(), nn.Linear(96, bottleneck)
        )
        self.proto = nn.Parameter(torch.randn(out, bottleneck))

    def forward(self, x):
        return F.normalize(self.mlp(x), dim=-1) @ F.normalize(self.proto, dim=-1).T


class Criterion(nn.Module):
    def __init__(self, out, ts=0.1, tt=0.05, m=0.9):
        super().__init__()
        self.ts, self.tt, self.m = ts, tt, m
        self.register_buffer("center", torch.zeros(1, out))

    def forward(self, student, teacher):
        t = F.softmax((teacher - self.center) / self.tt, dim=-1).detach()
        return -(t * F.log_softmax(student / self.ts, dim=-1)).sum(-1).mean()

    @torch.no_grad()
    def update(self, teacher):
        self.center.mul_(self.m).add_(teacher.mean(0, keepdim=True), alpha=1 - self.m)


def build():
    return nn.Sequential(nn.Linear(64, 128), nn.ReLU(), DinoHead(128, 40))


def views(x):
    def one():
        return x * (torch.rand_like(x) > 0.2) + 0.2 * torch.randn_like(x)

    return one(), one()


torch.manual_seed(9)
x_all = torch.tensor(load_digits().data).float()
x_all = (x_all - x_all.mean(0)) / 6
student, teacher = build(), build()
teacher.load_state_dict(student.state_dict())
for p in teacher.parameters():
    p.requires_grad_(False)
crit = Criterion(40)
opt = torch.optim.AdamW(student.parameters(), lr=1e-3)

with Inspector({"student": student, "teacher": teacher}) as inspector:
    for step in range(70):
        a, b = views(x_all[torch.randint(len(x_all), (96,))])
        with torch.no_grad():
            ta, tb = teacher(a), teacher(b)
        loss = (crit(student(a), tb) + crit(student(b), ta)) / 2
        crit.update(torch.cat([ta, tb]))
        opt.zero_grad()
        loss.backward()
        opt.step()
        with torch.no_grad():
            for s, t in zip(student.parameters(), teacher.parameters()):
                t.lerp_(s, 0.03)
diagnosis = inspector.diagnose()
