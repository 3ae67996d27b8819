"""A long contrastive training with warm-up and cosine schedule; lengths drift, nothing depends on it.

expect: healthy
"""

import math

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import augment, batches
from collapse_doctor import Inspector

STEPS = 2500
model = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 32))
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
schedule = torch.optim.lr_scheduler.LambdaLR(
    optimizer, lambda t: min(t / 100, 0.5 * (1 + math.cos(math.pi * t / STEPS)))
)
with Inspector(model) as inspector:
    for x, _ in batches(STEPS, 64):
        a, b = F.normalize(model(augment(x)), dim=1), F.normalize(model(augment(x)), dim=1)
        loss = F.cross_entropy(a @ b.T / 0.1, torch.arange(len(x)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
diagnosis = inspector.diagnose()
