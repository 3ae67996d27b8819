"""Click probabilities of many slots.

expect: healthy
"""

import torch
from torch import nn

from benchmarks.programs.common import mlp
from collapse_doctor import Inspector

model = nn.Sequential(mlp(16, 64, 24), nn.Sigmoid())
optimizer = torch.optim.Adam(model.parameters(), 0.002)
with Inspector(model) as inspector:
    for k in range(500):
        x = torch.randn(64, 16)
        t = (torch.rand(64, 24) < torch.sigmoid(x[:, :1] - 3)).float()
        p = model(x).clamp(1e-6, 1 - 1e-6)
        loss = -(t * p.log() + (1 - t) * (1 - p).log()).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
