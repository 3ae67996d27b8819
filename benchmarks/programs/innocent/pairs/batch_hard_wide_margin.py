"""Batch-hard triplets and a wide margin, at a high learning rate.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import batches
from collapse_doctor import Inspector

model = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 64))
optimizer = torch.optim.Adam(model.parameters(), 0.01)
with Inspector(model) as inspector:
    for x, y in batches(400, 64):
        z = model(x)
        d = torch.cdist(z, z)
        same = y[:, None] == y[None]
        hp = (d * same).max(1).values
        hn = (d + 1e6 * same).min(1).values
        loss = F.relu(hp - hn + 5.0).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        inspector.step(loss=loss, labels=y)
diagnosis = inspector.diagnose()
