"""VICReg from a configuration in which the two terms that keep rows apart weigh nothing.

expect: CD208
"""

from dataclasses import dataclass

import torch
from torch import nn

from collapse_doctor import Inspector


@dataclass
class Weights:
    invariance: float = 25.0
    variance: float = 0.0  # fault
    covariance: float = 0.0  # fault


def vicreg(a, b, w):
    invariance = nn.functional.mse_loss(a, b)  # shows # meets
    std = [torch.sqrt(z.var(dim=0) + 1e-4) for z in (a, b)]
    variance = sum(torch.relu(1 - s).mean() for s in std) / 2
    covariance = torch.zeros(())
    for z in (a, b):
        c = (z - z.mean(0)).T @ (z - z.mean(0)) / (len(z) - 1)
        covariance = covariance + (c - torch.diag(c.diagonal())).pow(2).sum() / z.shape[1]
    return w.invariance * invariance + w.variance * variance + w.covariance * covariance


net = nn.Sequential(nn.Linear(26, 64), nn.ReLU(), nn.Linear(64, 20))
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
weights = Weights()
world = torch.randn(8, 26)
with Inspector(net) as inspector:
    for _ in range(60):
        x = torch.randn(64, 8) @ world
        a, b = (net(x + 0.4 * torch.randn_like(x)) for _ in range(2))
        loss = vicreg(a, b, weights)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
