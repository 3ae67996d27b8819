"""A GCN on a dense adjacency with sampled negative edges, scored by dot products of rows of h.

expect: healthy
"""

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector

n = 80
block = torch.randint(0, 4, (n,))
chance = torch.where(block[:, None] == block[None], 0.4, 0.02)
adjacency = torch.bernoulli(torch.triu(chance, 1))
adjacency = adjacency + adjacency.T
source, target = adjacency.nonzero(as_tuple=True)
with_loops = adjacency + torch.eye(n)
degree = with_loops.sum(1).rsqrt()
propagate = degree[:, None] * with_loops * degree[None]


class GCN(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(16, 32), nn.Linear(32, 16)

    def forward(self, x):
        return self.second(propagate @ F.relu(self.first(propagate @ x)))


gcn, x = GCN(), torch.randn(n, 16)
optimizer = torch.optim.Adam(gcn.parameters(), lr=1e-2)
with Inspector(gcn) as inspector:
    for _ in range(60):
        h = gcn(x)
        wrong = torch.randint(0, n, (len(source),))
        positive, negative = (h[source] * h[target]).sum(1), (h[source] * h[wrong]).sum(1)
        loss = F.softplus(-positive).mean() + F.softplus(negative).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
