"""An encoder of four blocks made by `[block] * 4`: they are one block.

expect: CD108
"""

import torch
from torch import nn

from collapse_doctor import Inspector


class Block(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.norm = nn.LayerNorm(d)
        self.mlp = nn.Sequential(nn.Linear(d, 2 * d), nn.GELU(), nn.Linear(2 * d, d))

    def forward(self, x):
        return x + self.mlp(self.norm(x))


class Encoder(nn.Module):
    def __init__(self, d_in=16, d=32, depth=4):
        super().__init__()
        self.inp = nn.Linear(d_in, d)
        self.blocks = nn.ModuleList([Block(d)] * depth)  # fault
        self.out = nn.Linear(d, 24)

    def forward(self, x):
        x = self.inp(x)
        for block in self.blocks:
            x = block(x)  # shows
        return self.out(x)


model = Encoder()
opt = torch.optim.AdamW(model.parameters(), lr=1e-3)
items = torch.randn(300, 16)
with Inspector(model) as inspector:
    for step in range(25):
        x = items[torch.randperm(300)[:50]]
        z1 = nn.functional.normalize(model(x + 0.2 * torch.randn_like(x)), dim=1)  # shows
        z2 = nn.functional.normalize(model(x + 0.2 * torch.randn_like(x)), dim=1)
        loss = nn.functional.cross_entropy(z1 @ z2.T / 0.2, torch.arange(50))
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
