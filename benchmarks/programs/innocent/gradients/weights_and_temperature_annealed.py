"""A weight is ramped from a thousandth to one, another down to nothing, a temperature by epochs.

expect: healthy
"""

import math

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector

net = nn.Sequential(nn.Linear(24, 64), nn.GELU(), nn.Linear(64, 16))
optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
basis, tau = torch.randn(8, 24), 0.5

with Inspector(net) as inspector:
    for epoch in range(8):
        for batch in range(12):
            step = 12 * epoch + batch
            s = torch.randn(40, 8)
            x = s @ basis
            a, b = (net(x + 0.3 * torch.randn(40, 24)) for _ in range(2))
            scores = F.normalize(a, dim=1) @ F.normalize(b, dim=1).T / tau
            warm = min(1.0, 0.001 + step / 40)
            away = math.exp(-0.5 * step)
            loss = warm * F.cross_entropy(scores, torch.arange(40)) + away * F.mse_loss(a, b)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        tau = max(0.1, tau * 0.85)
diagnosis = inspector.diagnose()
