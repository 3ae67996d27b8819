"""DINO-like self-distillation; the teacher's softmax runs over the batch, not the classes.

expect: CD206
"""

import copy

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector


class DINOLoss:
    def __init__(self, out_dim, student_temp=0.1, teacher_temp=0.04, momentum=0.9):
        self.student_temp, self.teacher_temp, self.momentum = student_temp, teacher_temp, momentum
        self.center = torch.zeros(1, out_dim)

    def __call__(self, student, teacher):
        t = F.softmax((teacher.detach() - self.center) / self.teacher_temp, dim=0)  # fault
        loss = -(t * F.log_softmax(student / self.student_temp, dim=-1)).sum(-1).mean()  # meets
        batch_center = teacher.detach().mean(0, keepdim=True)
        self.center = self.center * self.momentum + batch_center * (1 - self.momentum)
        return loss


student = nn.Sequential(nn.Linear(24, 64), nn.GELU(), nn.Linear(64, 40))
teacher = copy.deepcopy(student).requires_grad_(False)
dino = DINOLoss(40)
optimizer = torch.optim.AdamW(student.parameters(), lr=5e-4)
scenes = torch.randn(256, 24)

with Inspector({"student": student, "teacher": teacher}) as inspector:
    for _ in range(40):
        x = scenes[torch.randint(0, 256, (64,))]
        x1, x2 = x + 0.3 * torch.randn_like(x), x + 0.3 * torch.randn_like(x)
        loss = dino(student(x1), teacher(x2)) + dino(student(x2), teacher(x1))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            for t, s in zip(teacher.parameters(), student.parameters(), strict=True):
                t.copy_(0.99 * t + 0.01 * s)

diagnosis = inspector.diagnose()
