"""Self-distillation: the centre is the teacher's whole output, so what is left of it is nought.

expect: CD207
"""

import copy

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import augment, batches, mlp
from collapse_doctor import Inspector


class Centring(nn.Module):
    def __init__(self, momentum=0.0):
        super().__init__()
        self.momentum, self.centre = momentum, None

    def forward(self, logits):
        fresh = logits  # fault
        self.centre = (
            fresh if self.centre is None else torch.lerp(fresh, self.centre, self.momentum)
        )
        return ((logits - self.centre) / 0.04).softmax(-1)  # shows


student = mlp(64, 96, 32)
teacher = copy.deepcopy(student).requires_grad_(False)
centring = Centring()
optimizer = torch.optim.AdamW(student.parameters(), lr=3e-3)
with Inspector({"student": student, "teacher": teacher}) as inspector:
    for x, _ in batches(250):
        with torch.no_grad():
            goal = centring(teacher(augment(x)))
        said = F.log_softmax(student(augment(x)) / 0.1, dim=-1)
        loss = -(goal * said).sum(-1).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            for slow, fast in zip(teacher.parameters(), student.parameters(), strict=True):
                slow.lerp_(fast, 0.01)
diagnosis = inspector.diagnose()
