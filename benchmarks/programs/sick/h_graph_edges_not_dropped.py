"""Graph contrast: dropping edges returns the graph untouched, both views see the same adjacency.

expect: CD107
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector


class GCN(nn.Module):
    def __init__(self, d_in, d):
        super().__init__()
        self.w1, self.w2 = nn.Linear(d_in, 48), nn.Linear(48, d)

    def forward(self, x, adj):
        deg = adj.sum(1, keepdim=True)
        h = torch.relu(adj @ self.w1(x) / deg)
        return adj @ self.w2(h) / deg


def drop_edges(adj, p):
    kept = adj * (torch.rand_like(adj) > p)
    kept = kept.triu(1)
    kept = kept + kept.T + torch.eye(len(adj))
    return adj  # fault


n, k = 90, 6
block = torch.randint(0, k, (n,))
adjacency = (torch.rand(n, n) < torch.where(block[:, None] == block, 0.3, 0.02)).float().triu(1)
adjacency = adjacency + adjacency.T + torch.eye(n)
nodes = F.one_hot(block, k).float() @ torch.randn(k, 16) + torch.randn(n, 16)

gnn = GCN(16, 20)
opt = torch.optim.Adam(gnn.parameters(), lr=5e-3)
with Inspector(gnn) as inspector:
    for _ in range(20):
        u = F.normalize(gnn(nodes, drop_edges(adjacency, 0.3)), dim=1)
        v = F.normalize(gnn(nodes, drop_edges(adjacency, 0.3)), dim=1)  # shows
        loss = F.cross_entropy(u @ v.T / 0.4, torch.arange(n))  # meets
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
