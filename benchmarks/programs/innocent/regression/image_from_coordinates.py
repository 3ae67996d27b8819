"""Colours from coordinates.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import mlp
from collapse_doctor import Inspector

g = torch.stack(
    torch.meshgrid(torch.linspace(0, 1, 16), torch.linspace(0, 1, 16), indexing="ij"), -1
).view(-1, 2)
img = torch.stack([g[:, 0], g[:, 1], 0.5 + 0 * g[:, 0]], 1)
f = lambda p: torch.cat([torch.sin(p * k) for k in (3, 6, 12)], 1)
model = mlp(6, 64, 3, last=nn.Sigmoid())
optimizer = torch.optim.Adam(model.parameters(), 0.002)
with Inspector(model) as inspector:
    for k in range(1000):
        j = torch.randint(0, 256, (64,))
        loss = F.mse_loss(model(f(g[j])), img[j])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
