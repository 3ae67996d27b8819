"""Regression with its loss by hand, the head outside the watched model.

expect: healthy
"""

import torch
from torch import nn

from benchmarks.programs.common import batches
from collapse_doctor import Inspector

model = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 64))
h = nn.Linear(64, 1)
optimizer = torch.optim.Adam([*model.parameters(), *h.parameters()], 0.003)
with Inspector(model) as inspector:
    for x, y in batches(800, 64):
        loss = ((h(model(x)).squeeze(1) - x.sum(1)) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
