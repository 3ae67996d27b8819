"""ArcFace with a weight matrix of its own.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import batches, mlp
from collapse_doctor import Inspector

model = mlp(64, 128, 256)
W = nn.Parameter(torch.randn(10, 256) * 0.05)
optimizer = torch.optim.SGD([*model.parameters(), W], 0.1, 0.9)
with Inspector(model) as inspector:
    for x, y in batches(500, 128):
        c = F.normalize(model(x)) @ F.normalize(W).T
        th = torch.acos(c.clamp(-1 + 1e-06, 1 - 1e-06))
        oh = F.one_hot(y, 10)
        loss = F.cross_entropy(16 * torch.cos(th + 0.3 * oh), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        inspector.step(loss=loss, labels=y)
diagnosis = inspector.diagnose()
