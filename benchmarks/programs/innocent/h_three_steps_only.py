"""An almost untrained network: InfoNCE near log of the batch size after three steps.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector

mix = torch.randn(12, 32)
net = nn.Sequential(nn.Linear(32, 64), nn.Tanh(), nn.Linear(64, 24))
opt = torch.optim.Adam(net.parameters(), lr=1e-3)
with Inspector(net) as inspector:
    for _ in range(3):
        s = torch.randn(64, 12)
        a, b = (F.normalize(net(s @ mix + 2 * torch.randn(64, 32)), dim=1) for _ in range(2))
        loss = F.cross_entropy(a @ b.T, torch.arange(64))
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
