"""Four temperatures in Kelvin.

expect: healthy
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import batches, mlp
from collapse_doctor import Inspector

x = torch.randn(2000, 16)
y = 290 + 5 * (x @ torch.randn(16, 4) * 0.3)
model = mlp(16, 64, 4)
optimizer = torch.optim.Adam(model.parameters(), 0.02)
with Inspector(model) as inspector:
    for a, b in batches(800, 64, x, y):
        loss = F.l1_loss(model(a), b)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
