"""Neighbours are pulled together (Laplacian smoothness), which alone would collapse; sampled non-edges push apart, so it does not.

expect: healthy
"""

import torch
import torch.nn as nn
import torch.nn.functional as F

from collapse_doctor import Inspector


def ring_of_cliques(cliques=14, size=7):
    n = cliques * size
    block = torch.arange(n) // size
    adj = block[:, None] == block[None]
    for c in range(cliques):
        a, b = c * size, ((c + 1) % cliques) * size + 1
        adj[a, b] = adj[b, a] = True
    adj.fill_diagonal_(False)
    return adj


def gcn_norm(adj):
    a = adj.float() + torch.eye(len(adj))
    inv = a.sum(1).rsqrt()
    return inv[:, None] * a * inv[None]


class GCN(nn.Module):
    def __init__(self, n, hidden=48, out=24):
        super().__init__()
        self.x = nn.Parameter(torch.randn(n, 32))
        self.w1 = nn.Linear(32, hidden)
        self.w2 = nn.Linear(hidden, out)

    def forward(self, a_norm):
        h = F.elu(a_norm @ self.w1(self.x))
        return self.w2(a_norm @ h)


def laplacian_energy(z, edges):
    return (z[edges[:, 0]] - z[edges[:, 1]]).pow(2).sum(1).mean()


def repulsion(z, adj, k=1500):
    i, j = torch.randint(len(z), (2, k))
    keep = (~adj[i, j]) & (i != j)
    d2 = (z[i[keep]] - z[j[keep]]).pow(2).sum(1)
    return torch.exp(-2 * d2).mean().log()


torch.manual_seed(29)
adj = ring_of_cliques()
a_norm, edges = gcn_norm(adj), adj.nonzero()
gcn = GCN(len(adj))
opt = torch.optim.Adam(gcn.parameters(), lr=1e-2)
with Inspector(gcn) as inspector:
    for epoch in range(60):
        z = F.normalize(gcn(a_norm), dim=1)
        loss = 0.5 * laplacian_energy(z, edges) + repulsion(z, adj)
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
