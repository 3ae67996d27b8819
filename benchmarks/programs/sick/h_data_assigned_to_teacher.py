"""The teacher is initialised by `t.data = s.data`, which makes its parameters the student's memory.

expect: CD108
"""

import torch
import torch.nn as nn

from collapse_doctor import Inspector

Linear = nn.Linear


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = Linear(26, 60), Linear(60, 22)

    def forward(self, x):
        return self.b(torch.nn.functional.silu(self.a(x)))


def init_teacher(teacher, student):
    for t, s in zip(teacher.parameters(), student.parameters()):
        t.data = s.data  # fault
        t.requires_grad = False
    return teacher


def dino_loss(s, t, centre, ts=0.2, tt=0.1):
    t = ((t - centre) / tt).softmax(-1)
    return -(t * (s / ts).log_softmax(-1)).sum(-1).mean()  # meets


student, teacher = Net(), Net()
init_teacher(teacher, student)
centre = torch.zeros(22)
opt = torch.optim.SGD(student.parameters(), lr=0.05)
protos = torch.randn(12, 26)
with Inspector({"student": student, "teacher": teacher}) as inspector:
    for _ in range(40):
        x = protos[torch.randint(0, 12, (64,))]
        v1, v2 = x + 0.4 * torch.randn_like(x), x + 0.4 * torch.randn_like(x)
        with torch.no_grad():
            t = teacher(v2)  # shows
        loss = dino_loss(student(v1), t, centre)
        opt.zero_grad()
        loss.backward()
        opt.step()
        with torch.no_grad():
            for pt, ps in zip(teacher.parameters(), student.parameters()):
                pt.mul_(0.99).add_(0.01 * ps)
            centre = 0.9 * centre + 0.1 * t.mean(0)
diagnosis = inspector.diagnose()
