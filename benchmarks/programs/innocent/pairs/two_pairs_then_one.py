"""Batches of two pairs, then of one.

expect: healthy
"""

import torch
from torch import nn

from benchmarks.programs.common import batches, mlp
from collapse_doctor import Inspector

model = mlp(64, 32, 8)
optimizer = torch.optim.SGD(model.parameters(), 0.01)
c = nn.CosineEmbeddingLoss(margin=0.2)
with Inspector(model) as inspector:
    for x, y in batches(60, 4):
        t = torch.where(y[:2] == y[2:], 1.0, -1.0)
        loss = c(model(x[:2]), model(x[2:]), t)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        inspector.step(loss=loss, labels=t)
    for x, y in batches(60, 2):
        t = torch.where(y[:1] == y[1:], 1.0, -1.0)
        loss = c(model(x[:1]), model(x[1:]), t)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        inspector.step(loss=loss, labels=t)
diagnosis = inspector.diagnose()
