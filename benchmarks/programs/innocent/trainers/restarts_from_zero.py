"""A cyclic learning rate that rests at 0 between its cycles.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector

net = nn.Sequential(nn.Linear(16, 40), nn.ReLU(), nn.Linear(40, 12))
optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
kinds = 2 * torch.randn(8, 16)
with Inspector(net) as inspector:
    for step in range(100):
        for group in optimizer.param_groups:
            group["lr"] = 0.1 * max(0.0, 1 - (step % 25) / 12)
        k = torch.randint(0, 8, (40,))
        a, p = (net(kinds[k] + 0.5 * torch.randn(40, 16)) for _ in range(2))
        n = net(kinds[(k + torch.randint(1, 8, (40,))) % 8])
        loss = F.triplet_margin_loss(a, p, n)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
