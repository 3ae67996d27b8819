"""A refiner whose output is its input at the start.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import batches, mlp
from collapse_doctor import Inspector


class Refiner(nn.Module):
    def __init__(self):
        super().__init__()
        self.n = mlp(64, 64, 64)
        self.g = nn.Parameter(torch.zeros(1))

    def forward(self, x):
        return x + self.g * self.n(x)


model = Refiner()
optimizer = torch.optim.Adam(model.parameters(), 0.001)
with Inspector(model) as inspector:
    for x, y in batches(80, 32):
        r = model(x)
        loss = F.mse_loss(r, x + 0.1 * x.flip(1)) + 0.01 * F.mse_loss(r, x)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
