"""A graph whose nodes have no features: all get ones, and the edges tell them apart.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector

N = 60
adjacency = (torch.rand(N, N) < 0.1).float()
adjacency = ((adjacency + adjacency.T) > 0).float()
edges = adjacency.nonzero().T


class Convolutions(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.two = nn.Linear(16, 32), nn.Linear(64, 16)
        self.place = nn.Parameter(torch.randn(N, 32))

    def forward(self, x, edge_index):
        h = torch.zeros(N, 16).index_add(0, edge_index[0], x[edge_index[1]])
        return self.two(torch.cat([torch.tanh(self.one(h)), self.place], dim=1))


net = Convolutions()
opt = torch.optim.Adam(net.parameters(), lr=1e-2)
with Inspector(net) as inspector:
    for _ in range(50):
        z = net(torch.ones(N, 16), edges)
        far = torch.randint(0, N, (2, edges.shape[1]))
        near_score = (z[edges[0]] * z[edges[1]]).sum(1)
        far_score = (z[far[0]] * z[far[1]]).sum(1)
        loss = F.softplus(-near_score).mean() + F.softplus(far_score).mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
