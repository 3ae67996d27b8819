"""Both augmented views are one assignment; Barlow-like loss in a function.

expect: CD107
"""

import torch
from torch import nn

from collapse_doctor import Inspector


def off_diagonal(m):
    return m - torch.diag(torch.diag(m))


def barlow(za, zb, lam=0.01):
    za = (za - za.mean(0)) / (za.std(0) + 1e-5)
    zb = (zb - zb.mean(0)) / (zb.std(0) + 1e-5)
    c = za.T @ zb / len(za)  # meets
    return (1 - c.diag()).square().sum() + lam * off_diagonal(c).square().sum()


def jitter(x):
    scale = 1 + 0.2 * torch.randn(len(x), 1)
    return scale * x + 0.2 * torch.randn_like(x)


encoder = nn.Sequential(nn.Linear(30, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, 16))
optimizer = torch.optim.Adam(encoder.parameters(), lr=1e-3)
factors = torch.randn(10, 30)

with Inspector(encoder) as inspector:
    for _ in range(20):
        x = torch.randn(96, 10) @ factors
        first = second = jitter(x)  # fault
        loss = barlow(encoder(first), encoder(second))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
