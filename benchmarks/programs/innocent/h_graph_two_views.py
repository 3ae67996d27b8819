"""Graph contrast with edges dropped differently for each view.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector


class GCN(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(16, 48), nn.Linear(48, 20)

    def forward(self, x, adj):
        adj = adj / adj.sum(1, keepdim=True)
        return adj @ self.b(F.elu(adj @ self.a(x)))


def drop(adj, p=0.3):
    kept = adj.triu(1) * (torch.rand_like(adj) > p)
    return kept + kept.T + torch.eye(len(adj))


block = torch.randint(0, 12, (96,))
adj = (torch.rand(96, 96) < torch.where(block[:, None] == block, 0.4, 0.01)).float()
x = F.one_hot(block, 12).float() @ torch.randn(12, 16) + torch.randn(96, 16)
gnn = GCN()
opt = torch.optim.Adam(gnn.parameters(), lr=5e-3)
with Inspector(gnn) as inspector:
    for _ in range(40):
        u, v = (F.normalize(gnn(x, drop(adj)), dim=1) for _ in range(2))
        loss = (
            F.cross_entropy(u @ v.T / 0.3, torch.arange(96))
            + F.cross_entropy(v @ u.T / 0.3, torch.arange(96))
        ) / 2
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
