"""A method keeps what a normalisation layer put out, and the activation behind it works in place.

expect: CD109
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import batches
from collapse_doctor import Inspector


class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.linear = nn.Linear(width, width)
        self.norm = nn.LayerNorm(width)
        self.act = nn.LeakyReLU(0.1, inplace=True)  # fault

    def forward(self, x):
        return self.act(self.norm(self.linear(x)))


class Tap:
    def __init__(self, module):
        self.value = None
        module.register_forward_hook(self.keep)

    def keep(self, module, args, output):
        self.value = output


teacher, student = Block(64).requires_grad_(False), Block(64)
taught, learnt = Tap(teacher.norm), Tap(student.norm)
head = nn.Linear(64, 10)
optimizer = torch.optim.Adam([*student.parameters(), *head.parameters()], lr=1e-3)
with Inspector({"student": student, "teacher": teacher}) as inspector:
    for x, y in batches(20):
        teacher(x)
        loss = F.cross_entropy(head(student(x)), y)
        loss = loss + F.smooth_l1_loss(learnt.value, taught.value)  # meets
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
