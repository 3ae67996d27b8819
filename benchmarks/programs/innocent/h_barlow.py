"""Barlow twins: columns are standardised over the batch, and a cross-correlation of the columns.

expect: healthy
"""

import torch
from torch import nn

from collapse_doctor import Inspector

mix = torch.randn(16, 40)
net = nn.Sequential(nn.Linear(40, 96), nn.BatchNorm1d(96), nn.ReLU(), nn.Linear(96, 16))
bn = nn.BatchNorm1d(16, affine=False)
opt = torch.optim.Adam(net.parameters(), lr=2e-3)
with Inspector(net) as inspector:
    for _ in range(50):
        s = torch.randn(128, 16)
        a, b = (net(s @ mix + 0.3 * torch.randn(128, 40)) for _ in range(2))
        c = bn(a).T @ bn(b) / 128
        on = (c.diagonal() - 1).pow(2).sum()
        off = c.pow(2).sum() - c.diagonal().pow(2).sum()
        loss = on + 0.02 * off
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
