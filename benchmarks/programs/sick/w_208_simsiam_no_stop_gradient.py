"""SimSiam with its predictor, but the stop-gradient was lost in a refactoring.

expect: CD208
"""

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector


class SimSiam(nn.Module):
    def __init__(self):
        super().__init__()
        self.f = nn.Sequential(nn.Linear(32, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, 24))
        self.h = nn.Sequential(nn.Linear(24, 12), nn.ReLU(), nn.Linear(12, 24))

    def forward(self, x):
        z = self.f(x)
        return z, self.h(z)


def d(p, z):
    return -(F.normalize(p, dim=1) * F.normalize(z, dim=1)).sum(dim=1).mean()  # fault # meets


net = SimSiam()
optimizer = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-4)
mix = torch.randn(16, 32)
with Inspector(net) as inspector:
    for _ in range(50):
        x = torch.randn(64, 16) @ mix
        (z1, p1), (z2, p2) = (net(x + torch.randn_like(x)) for _ in range(2))
        loss = d(p1, z2) / 2 + d(p2, z1) / 2
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
