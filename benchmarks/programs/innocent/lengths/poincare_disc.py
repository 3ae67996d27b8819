"""Nodes of a tree in the Poincaré disc, two dimensions, distances with negatives, Riemannian SGD.

expect: healthy
"""

import torch
from torch import nn

from collapse_doctor import Inspector

N = 127
parent = [(i - 1) // 2 for i in range(N)]
edges = []
for c in range(1, N):
    p = c
    while p > 0:
        p = parent[p]
        edges.append((c, p))
edges = torch.tensor(edges)


class Disc(nn.Module):
    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(N, 2)
        nn.init.uniform_(self.table.weight, -1e-2, 1e-2)

    def forward(self, i):
        return self.table(i)


def distance(u, v):
    x = 2 * (u - v).pow(2).sum(-1) / ((1 - u.pow(2).sum(-1)) * (1 - v.pow(2).sum(-1)))
    return torch.acosh(1 + x.clamp(min=1e-7))


disc = Disc()
opt = torch.optim.SGD(disc.parameters(), lr=2.0)
with Inspector(disc) as inspector:
    for step in range(400):
        e = edges[torch.randint(len(edges), (64,))]
        neg = torch.randint(N, (64, 8))
        u, v, w = disc(e[:, 0]), disc(e[:, 1]), disc(neg)
        d = torch.cat([distance(u, v)[:, None], distance(u[:, None], w)], 1)
        loss = nn.functional.cross_entropy(-d, torch.zeros(64, dtype=torch.long))
        opt.zero_grad()
        loss.backward()
        with torch.no_grad():
            w_ = disc.table.weight
            w_.grad.mul_(((1 - w_.pow(2).sum(1, keepdim=True)) ** 2) / 4)
        opt.step()
        with torch.no_grad():
            n = w_.norm(dim=1, keepdim=True)
            w_.copy_(torch.where(n > 0.999, w_ / n * 0.999, w_))
diagnosis = inspector.diagnose()
