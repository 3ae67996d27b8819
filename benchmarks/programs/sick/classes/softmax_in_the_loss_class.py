"""A distillation loss keeps its softmax as a module, made for the wrong axis in its constructor.

expect: CD206
"""

import torch
from torch import nn

from collapse_doctor import Inspector


class Distillation(nn.Module):
    def __init__(self, temperature=2.0):
        super().__init__()
        self.temperature = temperature
        self.log_p = nn.LogSoftmax(0)  # fault
        self.q = nn.Softmax(0)  # fault

    def forward(self, student, teacher):
        log_p = self.log_p(student / self.temperature)  # shows
        q = self.q(teacher / self.temperature)  # shows
        return nn.functional.kl_div(log_p, q, reduction="batchmean")


def mlp():
    return nn.Sequential(nn.Linear(12, 40), nn.ReLU(), nn.Linear(40, 6))


student, teacher = mlp(), mlp().requires_grad_(False)
criterion = Distillation()
optimizer = torch.optim.Adam(student.parameters(), lr=1e-3)
with Inspector({"student": student, "teacher": teacher}) as inspector:
    for _ in range(25):
        x = torch.randn(48, 12)
        loss = criterion(student(x), teacher(x))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
