"""The learning rate makes the training diverge.

expect: CD204, CD401
first: gradual
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import batches
from collapse_doctor import Inspector

model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 32))
optimizer = torch.optim.SGD(model.parameters(), lr=5.0)
with Inspector(model) as inspector:
    for i, (x, y) in enumerate(batches(60, 64)):
        a = model(x)
        loss = F.mse_loss(a, torch.ones_like(a) * 9)
        if not torch.isfinite(loss) and (not globals().get("FIRST")):
            FIRST = i
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
