"""A loss that stretches one random direction in each step.

expect: CD302
first: gradual
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import batches
from collapse_doctor import Inspector


class R(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(64, 128)
        self.b = nn.Linear(128, 64, bias=False)

    def forward(self, x):
        return self.b(F.relu(self.a(x)))


model = R()
optimizer = torch.optim.Adam(model.parameters(), 0.05)
with Inspector(model) as inspector:
    for i, (x, y) in enumerate(batches(300, 64)):
        z = model(x)
        w = torch.randn(64)
        loss = -(z @ w).pow(2).mean().sqrt() + 0.001 * z.pow(2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
