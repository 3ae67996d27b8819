"""Every block gives back a twentieth of what it computes: six of them let a ten millionth through.

expect: CD203
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector


class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.norm = nn.LayerNorm(width, elementwise_affine=False, eps=1e-12)
        self.fc = nn.Linear(width, width)
        self.keep = 0.05

    def forward(self, x):
        inner = F.silu(self.fc(x))
        return self.keep * inner + (1 - self.keep) * inner.detach()  # fault


class Tower(nn.Module):
    def __init__(self, width=32):
        super().__init__()
        self.blocks = nn.ModuleList(Block(width) for _ in range(7))
        self.out = nn.Linear(width, 16)

    def forward(self, x):
        for block in self.blocks:
            x = F.layer_norm(block(x), x.shape[-1:])  # shows
        return self.out(x)


tower = Tower()
optimizer = torch.optim.SGD(tower.parameters(), lr=0.05)
with Inspector(tower) as inspector:
    for step in range(30):
        s = torch.randn(40, 32)
        a, b = (F.normalize(tower(s + 0.3 * torch.randn(40, 32)), dim=1) for _ in range(2))
        loss = F.cross_entropy(a @ b.T / 0.2, torch.arange(40))  # meets
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
