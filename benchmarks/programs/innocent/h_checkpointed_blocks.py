"""Residual blocks whose activations are recomputed in backward.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from collapse_doctor import Inspector


class Block(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.f = nn.Sequential(nn.LayerNorm(d), nn.Linear(d, 2 * d), nn.GELU(), nn.Linear(2 * d, d))

    def forward(self, x):
        return x + self.f(x)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.inp, self.out = nn.Linear(20, 32), nn.Linear(32, 24)
        self.blocks = nn.ModuleList(Block(32) for _ in range(3))

    def forward(self, x):
        x = self.inp(x)
        for b in self.blocks:
            x = checkpoint(b, x, use_reentrant=False)
        return self.out(x)


mix, net = torch.randn(10, 20), Net()
opt = torch.optim.AdamW(net.parameters(), lr=2e-3)
with Inspector(net) as inspector:
    for _ in range(35):
        s = torch.randn(48, 10)
        a, b = (F.normalize(net(s @ mix + 0.2 * torch.randn(48, 20)), dim=1) for _ in range(2))
        loss = F.cross_entropy(a @ b.T / 0.2, torch.arange(48))
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
