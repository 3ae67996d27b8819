"""Images of one bump that moves: one degree of freedom in a code of 24 numbers, with contractive noise.

expect: healthy
"""

import torch
from torch import nn

from collapse_doctor import Inspector

grid = torch.linspace(0, 1, 60)


def bumps(n):
    c = torch.rand(n, 1) * 0.4 + 0.3
    return torch.exp(-((grid - c) ** 2) / 0.02)


class AE(nn.Module):
    def __init__(self):
        super().__init__()
        self.e = nn.Sequential(nn.Linear(60, 64), nn.ReLU(), nn.Linear(64, 24))
        self.d = nn.Sequential(nn.Linear(24, 64), nn.ReLU(), nn.Linear(64, 60))

    def forward(self, x):
        z = self.e(x)
        return self.d(z + 0.1 * torch.randn_like(z)), z


ae = AE()
opt = torch.optim.Adam(ae.parameters(), 2e-3, weight_decay=1e-4)
with Inspector(ae) as inspector:
    for s in range(500):
        x = bumps(64)
        rec, z = ae(x)
        loss = (rec - x).pow(2).mean() + 1e-3 * z.pow(2).mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
