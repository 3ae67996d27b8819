"""A critic of values near a hundred.

expect: healthy
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import mlp
from collapse_doctor import Inspector

model = mlp(4, 64, 1)
optimizer = torch.optim.Adam(model.parameters(), 0.01)
with Inspector(model) as inspector:
    for k in range(600):
        s = torch.randn(64, 4)
        loss = F.mse_loss(model(s).squeeze(-1), 100 + torch.tanh(s[:, 0]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
