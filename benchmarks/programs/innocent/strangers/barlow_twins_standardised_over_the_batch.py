"""Barlow Twins standardises every feature over the batch (dim 0) and compares columns: for this loss that is the definition.

expect: healthy
"""

import torch
import torch.nn as nn
from sklearn.datasets import load_digits

from collapse_doctor import Inspector

torch.manual_seed(55)


class BarlowTwins(nn.Module):
    def __init__(self, lambd=0.01):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(1, 16, 3, stride=1),
            nn.GroupNorm(4, 16),
            nn.ReLU(),
            nn.Conv2d(16, 24, 3, stride=2),
            nn.ReLU(),
            nn.Flatten(),
        )
        self.projector = nn.Sequential(
            nn.Linear(96, 96), nn.BatchNorm1d(96), nn.ReLU(), nn.Linear(96, 40, bias=False)
        )
        self.lambd = lambd

    def forward(self, x):
        return self.projector(self.encoder(x))

    def loss(self, za, zb):
        za = (za - za.mean(dim=0)) / (za.std(dim=0) + 1e-5)
        zb = (zb - zb.mean(dim=0)) / (zb.std(dim=0) + 1e-5)
        c = za.T @ zb / len(za)
        on = (torch.diagonal(c) - 1).pow(2).sum()
        off = c.pow(2).sum() - torch.diagonal(c).pow(2).sum()
        return on + self.lambd * off


def distort(x):
    gain = 0.7 + 0.6 * torch.rand(len(x), 1, 1, 1)
    return gain * x + 0.15 * torch.randn_like(x)


digits = torch.tensor(load_digits().images / 16, dtype=torch.float32).unsqueeze(1)
bt = BarlowTwins()
opt = torch.optim.AdamW(bt.parameters(), lr=2e-3, weight_decay=1e-4)

with Inspector(bt) as inspector:
    for epoch in range(3):
        for rows in torch.randperm(len(digits))[:1500].split(75):
            x = digits[rows]
            loss = bt.loss(bt(distort(x)), bt(distort(x)))
            opt.zero_grad(set_to_none=True)
            loss.backward()
            opt.step()
diagnosis = inspector.diagnose()
