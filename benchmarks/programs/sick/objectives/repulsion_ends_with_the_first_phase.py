"""The uniformity term is multiplied by a weight that falls to 0 after 24 steps; only alignment goes on.

expect: CD208
first: 24
"""

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector


def repulsion_weight(step):
    return 1.0 if step < 24 else 0.0  # fault


def alignment(a, b):
    return (a - b).pow(2).sum(1).mean()  # shows


def uniformity(z):
    return torch.pdist(z).pow(2).mul(-2).exp().mean().log()


torch.manual_seed(10)
net = nn.Sequential(nn.Linear(16, 64), nn.ReLU(), nn.Linear(64, 12))
optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
mix = torch.randn(5, 16)
with Inspector(net) as inspector:
    for step in range(70):
        clean = torch.randn(64, 5) @ mix
        a, b = (F.normalize(net(clean + 0.7 * torch.randn(64, 16)), dim=1) for _ in range(2))
        weight = repulsion_weight(step)
        loss = alignment(a, b) + weight * (uniformity(a) + uniformity(b)) / 2  # meets
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
