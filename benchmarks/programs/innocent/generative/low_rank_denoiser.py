"""A denoiser of signals that live in three dimensions.

expect: healthy
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import mlp
from collapse_doctor import Inspector

B = torch.randn(3, 64) * 0.7
model = mlp(64, 128, 64)
optimizer = torch.optim.Adam(model.parameters(), 0.001)
with Inspector(model) as inspector:
    for k in range(800):
        c = torch.randn(128, 3) @ B
        loss = F.mse_loss(model(c + torch.randn(128, 64)), c)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
