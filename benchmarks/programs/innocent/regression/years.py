"""Regression of a year: a large mean.

expect: healthy
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import batches, mlp
from collapse_doctor import Inspector

x = torch.randn(2000, 16)
y = 1998 + 10 * (x[:, 0] * 0.7 + 0.5 * torch.randn(2000))
model = mlp(16, 64, 1)
optimizer = torch.optim.Adam(model.parameters(), 0.05)
with Inspector(model) as inspector:
    for a, b in batches(800, 64, x, y):
        loss = F.mse_loss(model(a).squeeze(1), b)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        inspector.step(loss=loss, labels=b)
diagnosis = inspector.diagnose()
