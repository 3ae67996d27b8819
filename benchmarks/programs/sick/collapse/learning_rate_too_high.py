"""A learning rate that drives every tanh into saturation.

expect: CD301
first: gradual
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import augment, batches
from collapse_doctor import Inspector

model = nn.Sequential(
    nn.Linear(64, 128), nn.Tanh(), nn.Linear(128, 128), nn.Tanh(), nn.Linear(128, 32), nn.Tanh()
)
optimizer = torch.optim.SGD(model.parameters(), lr=50.0)
with Inspector(model) as inspector:
    for x, y in batches(200, 64):
        a = model(augment(x))
        b = model(augment(x))
        loss = F.cross_entropy(a @ b.T, torch.arange(len(a)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
