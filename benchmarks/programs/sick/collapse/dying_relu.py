"""A learning rate that kills the ReLU at the end.

expect: CD402
first: gradual
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import augment, batches
from collapse_doctor import Inspector

model = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 32), nn.ReLU())
optimizer = torch.optim.SGD(model.parameters(), lr=30.0)
with Inspector(model) as inspector:
    for x, y in batches(100, 64):
        a = model(augment(x))
        b = model(augment(x))
        loss = F.mse_loss(a, b) + 0.5 * a.mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
