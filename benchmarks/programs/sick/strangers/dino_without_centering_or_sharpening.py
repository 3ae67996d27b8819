"""DINO whose centre was left out and whose teacher is as soft as the student: the prototypes become uniform and the loss sits at log(out_dim).

expect: CD207
first: gradual
"""

import copy
import math

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

from collapse_doctor import Inspector

OUT_DIM = 64


class Head(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = nn.Sequential(nn.Linear(64, 96), nn.GELU(), nn.Linear(96, 32))
        self.last = nn.Linear(32, OUT_DIM, bias=False)

    def forward(self, x):
        return self.last(F.normalize(self.backbone(x), dim=-1))


class DinoLoss(nn.Module):
    def __init__(self, student_temp=1.0, teacher_temp=1.0):  # fault
        super().__init__()
        self.ts, self.tt = student_temp, teacher_temp

    def forward(self, student, teacher):
        q = F.softmax(teacher / self.tt, dim=-1).detach()  # fault
        return -(q * F.log_softmax(student / self.ts, dim=-1)).sum(-1).mean()  # meets


def crop(x):
    img = x.view(-1, 8, 8)
    img = torch.roll(img, int(torch.randint(-1, 2, ())), dims=int(torch.randint(1, 3, ())))
    return (img + 0.2 * torch.randn_like(img)).flatten(1)


def ema(teacher, student, m):
    with torch.no_grad():
        for a, b in zip(teacher.parameters(), student.parameters()):
            a.lerp_(b, 1 - m)


torch.manual_seed(5)
x_all = torch.tensor(load_digits().data, dtype=torch.float32) / 8 - 1
student = Head()
teacher = copy.deepcopy(student).requires_grad_(False)
criterion = DinoLoss()
opt = torch.optim.AdamW(student.parameters(), lr=2e-3, weight_decay=0.04)
print("log(out_dim) =", round(math.log(OUT_DIM), 4))

with Inspector({"student": student, "teacher": teacher}) as inspector:
    for step in range(80):
        x = x_all[torch.randint(len(x_all), (64,))]
        a, b = crop(x), crop(x)
        with torch.no_grad():
            ta, tb = teacher(a), teacher(b)
        loss = 0.5 * (criterion(student(a), tb) + criterion(student(b), ta))
        opt.zero_grad()
        loss.backward()
        opt.step()
        ema(teacher, student, 0.9)
diagnosis = inspector.diagnose()
