"""A graph network with a few labelled nodes.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector

n = 90
y = torch.arange(n) % 3
adjacency = (y[:, None] == y[None]) & (torch.rand(n, n) < 0.25) | (torch.rand(n, n) < 0.03)
adjacency = (adjacency | adjacency.T | torch.eye(n, dtype=torch.bool)).float()
d = adjacency.sum(1).rsqrt()
averaging = d[:, None] * adjacency * d
nodes = torch.randn(n, 16)
labelled = torch.randperm(n)[:20]


class GraphNetwork(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(16, 32)
        self.b = nn.Linear(32, 3)

    def forward(self, x):
        return averaging @ self.b(F.dropout(F.relu(averaging @ self.a(x)), 0.5, self.training))


model = GraphNetwork()
optimizer = torch.optim.Adam(model.parameters(), 0.01, weight_decay=0.0005)
with Inspector(model) as inspector:
    for k in range(100):
        g = model(nodes)
        loss = F.cross_entropy(g[labelled], y[labelled])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        inspector.step(loss=loss, labels=y[labelled])
diagnosis = inspector.diagnose()
