"""A learning rate far too large for a loss of directions: each step is across and makes it longer.

expect: CD309
first: gradual
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import augment, batches
from collapse_doctor import Inspector

model = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 64))
optimizer = torch.optim.SGD(model.parameters(), lr=300.0)
with Inspector(model) as inspector:
    for x, y in batches(500, 64):
        a, b = F.normalize(model(augment(x))), F.normalize(model(augment(x)))
        loss = F.cross_entropy(a @ b.T / 0.2, torch.arange(len(a)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
