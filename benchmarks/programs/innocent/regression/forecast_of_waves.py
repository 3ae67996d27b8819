"""Forecasts of 48 hours that are smooth waves.

expect: healthy
"""

import math

import torch
from torch.nn import functional as F

from benchmarks.programs.common import mlp
from collapse_doctor import Inspector

model = mlp(24, 64, 48)
optimizer = torch.optim.Adam(model.parameters(), 0.002)
tt = torch.arange(72) / 24 * 2 * math.pi
with Inspector(model) as inspector:
    for k in range(600):
        ph = torch.rand(64, 1) * 6.28
        am = torch.rand(64, 1) + 0.5
        s = am * torch.sin(tt + ph) + 0.1 * torch.randn(64, 72)
        loss = F.mse_loss(model(s[:, :24]), s[:, 24:])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        inspector.step(loss=loss)
diagnosis = inspector.diagnose()
