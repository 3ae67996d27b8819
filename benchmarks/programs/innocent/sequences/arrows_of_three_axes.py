"""Arrows (batch, axis, point) and words compared both ways: a cosine along the second dimension.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector


class Flow(nn.Module):
    def __init__(self, points=12, width=20):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(3 * points, 64), nn.SiLU())
        self.arrows = nn.Linear(64, 3 * points)
        self.words = nn.Sequential(nn.Linear(3, width), nn.LayerNorm(width))

    def forward(self, x):
        arrows = self.arrows(self.body(x.flatten(1))).view(len(x), 3, -1)
        return arrows, self.words(x.transpose(1, 2))


def agreement(one, two):
    """For each point, and for each feature."""
    return F.cosine_similarity(one, two, dim=2).mean() + F.cosine_similarity(one, two).mean()


net = Flow()
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
with Inspector(net) as inspector:
    for _ in range(40):
        x = torch.randn(32, 3, 12)
        (a, u), (b, v) = net(x), net(x + 0.1 * torch.randn_like(x))
        apart = agreement(u, v.roll(1, 0))
        directions = F.cosine_similarity(a, b).mean() + F.cosine_similarity(a, x).mean()
        loss = F.relu(1 + apart - agreement(u, v)) - directions
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
