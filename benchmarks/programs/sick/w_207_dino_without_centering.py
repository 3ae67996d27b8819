"""Self-distillation whose teacher has a temperature of 5: targets are uniform, the loss is log K.

expect: CD207
first: gradual
"""

import copy

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector

K = 48
student = nn.Sequential(nn.Linear(20, 64), nn.GELU(), nn.LayerNorm(64), nn.Linear(64, K))
teacher = copy.deepcopy(student).requires_grad_(False)
optimizer = torch.optim.AdamW(student.parameters(), lr=3e-3)
teacher_temperature, student_temperature = 5.0, 1.0  # fault
world = torch.randn(300, 20)


def crop(x):
    return x * (torch.rand_like(x) > 0.3)


with Inspector({"student": student, "teacher": teacher}) as inspector:
    for _ in range(120):
        x = world[torch.randint(0, 300, (64,))]
        with torch.no_grad():
            goal = F.softmax(teacher(crop(x)) / teacher_temperature, dim=-1)
        prediction = F.log_softmax(student(crop(x)) / student_temperature, dim=-1)  # shows
        loss = -(goal * prediction).sum(dim=-1).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            for t, s in zip(teacher.parameters(), student.parameters(), strict=True):
                t.lerp_(s, 0.05)

diagnosis = inspector.diagnose()
