"""Two columns of predictions are compared as vectors over the batch: a cosine of 64 numbers.

expect: healthy
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import mlp
from collapse_doctor import Inspector

net = mlp(10, 32, 1)
truth = torch.randn(10, 1)
optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
with Inspector(net) as inspector:
    for _ in range(60):
        x = torch.randn(64, 10)
        y = x @ truth + 0.1 * torch.randn(64, 1)
        out = net(x)
        loss = F.mse_loss(out, y) + 0.1 * (1 - F.cosine_similarity(out, y, dim=0).mean())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        inspector.step(loss=loss)
diagnosis = inspector.diagnose()
