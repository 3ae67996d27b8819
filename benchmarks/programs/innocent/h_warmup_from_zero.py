"""Learning rate 0 for the first steps of a warm-up, then training.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector

mix = torch.randn(9, 24)
net = nn.Sequential(nn.Linear(24, 64), nn.ReLU(), nn.Linear(64, 16))
opt = torch.optim.Adam(net.parameters(), lr=4e-3)
sched = torch.optim.lr_scheduler.LambdaLR(opt, lambda k: max(0, k - 5) / 10 if k < 15 else 1.0)
with Inspector(net) as inspector:
    for _ in range(55):
        s = torch.randn(64, 9)
        a, b = (F.normalize(net(s @ mix + 0.2 * torch.randn(64, 24)), dim=1) for _ in range(2))
        loss = F.cross_entropy(a @ b.T / 0.2, torch.arange(64))
        opt.zero_grad()
        loss.backward()
        opt.step()
        sched.step()
diagnosis = inspector.diagnose()
