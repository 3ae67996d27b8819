"""The embedding ends in a ReLU.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import batches, mlp
from collapse_doctor import Inspector

model = nn.Sequential(mlp(64, 128, 32), nn.ReLU())
h = nn.Linear(32, 10)
optimizer = torch.optim.Adam([*model.parameters(), *h.parameters()], 0.003)
with Inspector(model) as inspector:
    for x, y in batches(400, 64):
        loss = F.cross_entropy(h(model(x)), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        inspector.step(loss=loss, labels=y)
diagnosis = inspector.diagnose()
