"""Batches of 8 rows in 128 dimensions.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector

mix = torch.randn(16, 48)
net = nn.Sequential(nn.Linear(48, 128), nn.ReLU(), nn.Linear(128, 128))
opt = torch.optim.Adam(net.parameters(), lr=1e-3)
with Inspector(net) as inspector:
    for _ in range(60):
        s = torch.randn(8, 16)
        a, b = (F.normalize(net(s @ mix + 0.5 * torch.randn(8, 48)), dim=1) for _ in range(2))
        loss = F.cross_entropy(a @ b.T / 0.3, torch.arange(8))
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
