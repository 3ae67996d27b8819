"""A graph autoencoder's corrupted nodes: the permutation is sorted by mistake and permutes nothing.

expect: CD104
"""

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector

n = 60
position = torch.rand(n, 2)
adjacency = (torch.cdist(position, position) < 0.25).float()
propagate = adjacency / adjacency.sum(1, keepdim=True)


class GCN(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(8, 32), nn.Linear(32, 16)

    def forward(self, x, a):
        return self.second(a @ F.relu(self.first(a @ x)))


def shuffled(h):
    order = torch.rand(len(h)).argsort().sort().values  # fault
    return h[order]  # shows


gcn = GCN()
optimizer = torch.optim.Adam(gcn.parameters(), lr=5e-3)
x = torch.cat([position, torch.randn(n, 6)], 1)

with Inspector(gcn) as inspector:
    for _ in range(40):
        h = gcn(F.dropout(x, 0.2), propagate)
        neighbour = propagate @ h
        real = F.cosine_similarity(h, neighbour, dim=1)
        fake = F.cosine_similarity(h, shuffled(h), dim=1)  # meets
        loss = F.relu(0.5 - real + fake).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
