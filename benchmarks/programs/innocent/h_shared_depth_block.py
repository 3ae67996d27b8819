"""ALBERT-like: one block, applied four times on purpose.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector


class Recurrent(nn.Module):
    def __init__(self, d=32, rounds=4):
        super().__init__()
        self.inp, self.out, self.rounds = nn.Linear(20, d), nn.Linear(d, 20), rounds
        self.block = nn.Sequential(
            nn.LayerNorm(d), nn.Linear(d, 2 * d), nn.GELU(), nn.Linear(2 * d, d)
        )

    def forward(self, x):
        x = self.inp(x)
        for _ in range(self.rounds):
            x = x + self.block(x)
        return self.out(x)


net, mix = Recurrent(), torch.randn(12, 20)
opt = torch.optim.AdamW(net.parameters(), lr=2e-3)
with Inspector(net) as inspector:
    for _ in range(40):
        s = torch.randn(64, 12)
        a, b = (F.normalize(net(s @ mix + 0.3 * torch.randn(64, 20)), dim=1) for _ in range(2))
        loss = F.cross_entropy(a @ b.T / 0.2, torch.arange(64))
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
