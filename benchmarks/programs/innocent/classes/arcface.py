"""ArcFace with a weight matrix of its own.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import batches, mlp
from collapse_doctor import Inspector

model = mlp(64, 128, 256)
weights = nn.Parameter(torch.randn(10, 256) * 0.05)
optimizer = torch.optim.SGD([*model.parameters(), weights], 0.1, 0.9)
with Inspector(model) as inspector:
    for x, y in batches(500, 128):
        cosines = F.normalize(model(x)) @ F.normalize(weights).T
        angles = torch.acos(cosines.clamp(-1 + 1e-6, 1 - 1e-6))
        one_hot = F.one_hot(y, 10)
        loss = F.cross_entropy(16 * torch.cos(angles + 0.3 * one_hot), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        inspector.step(loss=loss, labels=y)
diagnosis = inspector.diagnose()
