"""SimSiam as in the paper: predictor, stop-gradient, symmetric.

expect: healthy
"""

import torch
import torch.nn as nn

from collapse_doctor import Inspector


def D(p, z):
    z = z.detach()
    p = nn.functional.normalize(p, dim=1)
    z = nn.functional.normalize(z, dim=1)
    return -(p * z).sum(dim=1).mean()


f = nn.Sequential(
    nn.Linear(32, 96), nn.BatchNorm1d(96), nn.ReLU(), nn.Linear(96, 24), nn.BatchNorm1d(24)
)
h = nn.Sequential(nn.Linear(24, 12), nn.BatchNorm1d(12), nn.ReLU(), nn.Linear(12, 24))
optimizer = torch.optim.SGD(
    [*f.parameters(), *h.parameters()], lr=0.03, momentum=0.9, weight_decay=1e-4
)
mix = torch.randn(24, 32)

with Inspector(f) as inspector:
    for _ in range(50):
        x = torch.randn(96, 24) @ mix
        x1, x2 = x + torch.randn_like(x), x + torch.randn_like(x)
        z1, z2 = f(x1), f(x2)
        p1, p2 = h(z1), h(z2)
        L = D(p1, z2) / 2 + D(p2, z1) / 2
        optimizer.zero_grad()
        L.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
