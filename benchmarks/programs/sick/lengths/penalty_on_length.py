"""A penalty on the squared length that was meant to be small outweighs all else.

expect: CD308
first: gradual
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import augment, batches
from collapse_doctor import Inspector

PENALTY = 1.0
model = nn.Sequential(nn.Linear(64, 128), nn.Tanh(), nn.Linear(128, 64))
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
with Inspector(model) as inspector:
    for x, y in batches(600, 64):
        a, b = model(augment(x)), model(augment(x))
        loss = F.cross_entropy(a @ b.T, torch.arange(len(a)))
        loss = loss + PENALTY * (a.pow(2).sum(1).mean() + b.pow(2).sum(1).mean())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
