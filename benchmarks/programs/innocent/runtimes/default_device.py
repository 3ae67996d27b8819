"""The training runs under a default device.

expect: healthy
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import batches, mlp
from collapse_doctor import Inspector

model = mlp(64, 64, 10)
optimizer = torch.optim.Adam(model.parameters(), 0.001)
with Inspector(model) as inspector, torch.device("cpu"):
    for x, y in batches(30, 64):
        loss = F.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        inspector.step(loss=loss, labels=y)
diagnosis = inspector.diagnose()
