"""The temperature of a contrastive loss falls from 100 to 0.2 over the first third.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector


def temperature(step, begin=100.0, end=0.2, over=40):
    share = min(step / over, 1.0)
    return begin ** (1 - share) * end**share


net = nn.Sequential(nn.Linear(30, 64), nn.ReLU(), nn.Linear(64, 20))
optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
with Inspector(net) as inspector:
    for step in range(120):
        x = torch.randn(64, 30)
        a, b = (F.normalize(net(x + 0.1 * torch.randn_like(x)), dim=1) for _ in range(2))
        loss = F.cross_entropy(a @ b.T / temperature(step), torch.arange(64))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
