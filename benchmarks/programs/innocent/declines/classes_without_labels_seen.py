"""Supervised contrast for long; its rank falls to that of the classes, and settles there.

expect: healthy
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import batches, mlp
from collapse_doctor import Inspector

net = mlp(64, 128, 128, 64)
opt = torch.optim.Adam(net.parameters(), 5e-4)
with Inspector(net) as inspector:
    for x, y in batches(500, 96):
        z = F.normalize(net(x), dim=1)
        sims = (z @ z.T / 0.2).masked_fill(torch.eye(len(z), dtype=torch.bool), -1e9)
        same = (y[:, None] == y[None]) & ~torch.eye(len(y), dtype=torch.bool)
        logp = sims.log_softmax(1)
        loss = -(logp * same).sum(1).div(same.sum(1).clamp(min=1)).mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
