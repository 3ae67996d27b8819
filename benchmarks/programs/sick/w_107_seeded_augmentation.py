"""An augmentation with a generator seeded inside the function draws the same noise for both views.

expect: CD107
"""

import numpy as np
import torch
from torch import nn

from collapse_doctor import Inspector


def jitter(batch, sigma=0.3, seed=42):
    rng = np.random.default_rng(seed)  # fault
    noise = rng.normal(scale=sigma, size=batch.shape).astype(np.float32)
    return torch.from_numpy(batch + noise)


class BarlowTwins(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(d, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, 24))

    def forward(self, a, b):
        za, zb = self.net(a), self.net(b)
        za = (za - za.mean(0)) / za.std(0)
        zb = (zb - zb.mean(0)) / zb.std(0)
        c = za.T @ zb / len(za)  # meets
        on = (c.diagonal() - 1).pow(2).sum()
        off = c.pow(2).sum() - c.diagonal().pow(2).sum()
        return on + 0.01 * off


data = np.random.randn(500, 16).astype(np.float32) @ np.random.randn(16, 28).astype(np.float32)
model = BarlowTwins(28)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

with Inspector(model.net) as inspector:
    for _ in range(30):
        batch = data[np.random.choice(500, 64, replace=False)]
        loss = model(jitter(batch), jitter(batch))  # shows
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
