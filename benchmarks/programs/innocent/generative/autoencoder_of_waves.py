"""An autoencoder of one wave in many phases.

expect: healthy
"""

import math

import torch
from torch.nn import functional as F

from benchmarks.programs.common import mlp
from collapse_doctor import Inspector

t = torch.rand(500, 1) * 2 * math.pi
g = torch.linspace(0, 1, 64)
D = (0.6 + 0.2 * torch.sin(6 * g + t) + 0.05 * torch.randn(500, 64)).clamp(0, 1)
model = mlp(64, 64, 8, 64, 64)
optimizer = torch.optim.Adam(model.parameters(), 0.001)
with Inspector(model) as inspector:
    for k in range(400):
        x = D[torch.randint(0, 500, (64,))]
        loss = F.mse_loss(model(x), x)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
