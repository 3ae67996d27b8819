"""The teacher's method is decorated with no_grad and calls the student, on the same input.

expect: CD103
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import batches, mlp
from collapse_doctor import Inspector


class Distilled(nn.Module):
    def __init__(self):
        super().__init__()
        self.student = mlp(64, 80, 20)
        self.teacher_net = mlp(64, 160, 20)
        self.head = nn.Linear(20, 10)

    @torch.no_grad()
    def teacher(self, x):
        return self.student(x)  # fault

    def forward(self, x):
        return self.student(x)


model = Distilled()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
with Inspector(model) as inspector:
    for x, y in batches(20):
        z = model(x)
        hint = F.mse_loss(z, model.teacher(x))  # fault, meets
        loss = F.cross_entropy(model.head(z), y) + hint
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
