"""Assignments of a slow teacher are softened with its temperature multiplied, not divided.

expect: CD207
first: gradual
"""

import copy

import torch
from torch import nn

from collapse_doctor import Inspector


def soft_assignments(scores, tau):
    return (scores * tau).softmax(-1)  # fault


class Student(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(15, 50), nn.Tanh(), nn.Linear(50, 32))

    def forward(self, x):
        return self.body(x)


student = Student()
teacher = copy.deepcopy(student)
for p in teacher.parameters():
    p.requires_grad = False
optimizer = torch.optim.Adam(student.parameters(), lr=4e-3)
cross_entropy = nn.CrossEntropyLoss()
data = torch.randn(256, 15)
with Inspector(student) as inspector:
    for _ in range(150):
        x = data[torch.randint(0, 256, (48,))]
        with torch.no_grad():
            target = soft_assignments(teacher(x + 0.1 * torch.randn_like(x)), tau=0.04)
        loss = cross_entropy(student(x + 0.1 * torch.randn_like(x)), target)  # shows
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            for slow, fast in zip(teacher.parameters(), student.parameters(), strict=True):
                slow.mul_(0.97).add_(fast, alpha=0.03)
diagnosis = inspector.diagnose()
