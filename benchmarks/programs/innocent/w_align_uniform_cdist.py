"""Alignment and uniformity: pairwise distances of z with itself, on purpose.

expect: healthy
"""

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector


def uniformity(z, t=2):
    squared = torch.cdist(z, z).pow(2)
    return squared.mul(-t).exp().mean().log()


net = nn.Sequential(nn.Linear(24, 64), nn.ReLU(), nn.Linear(64, 16))
optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
base = torch.randn(200, 24)
with Inspector(net) as inspector:
    for _ in range(40):
        x = base[torch.randint(0, 200, (64,))]
        a, b = (F.normalize(net(x + 0.2 * torch.randn_like(x)), dim=1) for _ in range(2))
        loss = (a - b).norm(dim=1).pow(2).mean() + (uniformity(a) + uniformity(b)) / 2
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
