"""Forty targets that are combinations of two.

expect: healthy
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import batches, mlp
from collapse_doctor import Inspector

x = torch.randn(2000, 32)
y = x @ torch.randn(32, 2) @ torch.randn(2, 40)
model = mlp(32, 64, 40)
optimizer = torch.optim.Adam(model.parameters(), 0.003)
with Inspector(model) as inspector:
    for a, b in batches(600, 64, x, y):
        loss = F.mse_loss(model(a), b)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
