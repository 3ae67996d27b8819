"""A low-rank adapter, equal to its frozen reference at the start.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import batches, mlp
from collapse_doctor import Inspector


class Adapted(nn.Module):
    def __init__(self, b):
        super().__init__()
        self.b = b
        self.A = nn.Linear(64, 4, bias=False)
        self.B = nn.Linear(4, 10, bias=False)
        nn.init.zeros_(self.B.weight)

    def forward(self, x):
        return self.b(x) + self.B(self.A(x))


b = mlp(64, 64, 10).requires_grad_(False)
model = Adapted(b)
optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], 0.001)
with Inspector(model) as inspector:
    for x, y in batches(80, 32):
        g = model(x)
        loss = F.cross_entropy(g, y) + 0.1 * F.mse_loss(g, b(x))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        inspector.step(loss=loss, labels=y)
diagnosis = inspector.diagnose()
