"""Consistency with the own clean output, where some steps draw no noise.

expect: healthy
"""

import random

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import augment, batches
from collapse_doctor import Inspector

model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
optimizer = torch.optim.SGD(model.parameters(), 0.1)
with Inspector(model) as inspector:
    for k, (x, y) in enumerate(batches(60, 32)):
        a = augment(x) if random.random() < 0.8 else x
        with torch.no_grad():
            t = model(x)
        g = model(a)
        loss = F.cross_entropy(g, y) + 0.1 * F.mse_loss(g, t)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        inspector.step(loss=loss, labels=y)
diagnosis = inspector.diagnose()
