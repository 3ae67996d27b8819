"""Graph views: the share of edges to drop is a class constant, and it is nought.

expect: CD107
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector


class GraphViews:
    DROP_EDGES = 0.0  # fault

    def __init__(self, adjacency):
        self.adjacency = adjacency

    def sample(self):
        kept = torch.bernoulli(torch.full_like(self.adjacency, 1.0 - self.DROP_EDGES))
        return self.adjacency * kept + torch.eye(len(self.adjacency))


class Encoder(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.first, self.second = nn.Linear(width, 40), nn.Linear(40, 16)

    def forward(self, x, adjacency):
        h = torch.relu(adjacency @ self.first(x))
        return adjacency @ self.second(h)


n = 60
views = GraphViews((torch.rand(n, n) < 0.1).float())
x, encoder = torch.randn(n, 12), Encoder(12)
optimizer = torch.optim.Adam(encoder.parameters(), lr=1e-3)
with Inspector(encoder) as inspector:
    for _ in range(25):
        u = F.normalize(encoder(x, views.sample()), dim=1)
        v = F.normalize(encoder(x, views.sample()), dim=1)  # shows
        loss = F.cross_entropy(u @ v.T / 0.3, torch.arange(n))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
