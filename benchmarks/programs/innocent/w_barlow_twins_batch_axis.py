"""Barlow Twins: embeddings are standardised along the batch, which is its definition.

expect: healthy
"""

import torch
from torch import nn

from collapse_doctor import Inspector

d = 20
net = nn.Sequential(nn.Linear(26, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, d))
bn = nn.BatchNorm1d(d, affine=False)
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
mixing = torch.randn(18, 26)

with Inspector(net) as inspector:
    for _ in range(50):
        x = torch.randn(96, 18) @ mixing
        z1, z2 = net(x + torch.randn_like(x)), net(x + torch.randn_like(x))
        c = bn(z1).T @ bn(z2) / len(x)
        on_diagonal = torch.diagonal(c).add_(-1).pow_(2).sum()
        off_diagonal = (c - torch.diag(torch.diagonal(c))).pow(2).sum()
        loss = on_diagonal + 0.02 * off_diagonal
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
