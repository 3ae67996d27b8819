"""Twelve plain ReLU layers, born with nearly constant output, learn after some thirty steps.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import batches
from collapse_doctor import Inspector

layers = [nn.Sequential(nn.Linear(64, 64), nn.ReLU()) for _ in range(12)]
model = nn.Sequential(*layers, nn.Linear(64, 10))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
with Inspector(model) as inspector:
    for x, y in batches(220, 64):
        loss = F.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
