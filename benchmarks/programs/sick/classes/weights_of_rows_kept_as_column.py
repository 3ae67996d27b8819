"""Weights of the examples come out of a sampler as a column, and multiply losses of the rows.

expect: CD205
"""

import torch
from torch import nn

from collapse_doctor import Inspector


class Sampler:
    def __init__(self, n):
        self.importance = torch.rand(n)

    def draw(self, count):
        rows = torch.randint(len(self.importance), (count,))
        return rows, self.importance[rows].unsqueeze(-1)  # fault


class WeightedTriplet(nn.Module):
    def __init__(self, margin):
        super().__init__()
        self.triplet = nn.TripletMarginLoss(margin, reduction="none")

    def forward(self, anchor, positive, negative, weight):
        return (self.triplet(anchor, positive, negative) * weight).mean()  # shows


data = torch.randn(200, 13)
sampler, criterion = Sampler(200), WeightedTriplet(0.7)
net = nn.Sequential(nn.Linear(13, 40), nn.ReLU(), nn.Linear(40, 12))
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
with Inspector(net) as inspector:
    for _ in range(25):
        rows, weight = sampler.draw(28)
        x = data[rows]
        a, p, n = net(x), net(x + 0.1 * torch.randn_like(x)), net(data[torch.randint(200, (28,))])
        loss = criterion(a, p, n, weight)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
