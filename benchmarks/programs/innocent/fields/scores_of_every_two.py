"""Dual potentials: a given cost of every two rows, less a number of each row and one of each column.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import mlp
from collapse_doctor import Inspector

left, right = mlp(1, 48, 16), mlp(1, 48, 16)
heads = nn.ModuleList([nn.Linear(16, 1), nn.Linear(16, 1)])
optimizer = torch.optim.Adam(
    [*left.parameters(), *right.parameters(), *heads.parameters()], lr=2e-3
)
with Inspector({"left": left, "right": right}) as inspector:
    for _ in range(80):
        x, y = torch.randn(48, 1), 0.5 * torch.randn(48, 1) + 1
        cost = (x - y.T).abs()
        f, g = heads[0](left(x).relu()), heads[1](right(y).relu())
        slack = cost - f - g.T
        loss = F.softplus(-slack * 10).mean() - f.mean() - g.mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
