"""Four residual blocks were meant; the list holds one block four times.

expect: CD108
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import batches, mlp
from collapse_doctor import Inspector


class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.inner = mlp(width, width, width)

    def forward(self, x):
        return x + self.inner(x)


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.blocks = nn.Sequential(*[Block(64)] * 4)  # fault
        self.head = nn.Linear(64, 10)

    def forward(self, x):
        return self.head(self.blocks(x))


model = Residual()
optimizer = torch.optim.Adam(model.parameters(), 1e-3)
with Inspector(model) as inspector:
    for x, y in batches(20):
        loss = F.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
