"""The temperature falls from 0.5 to 0.1 along a cosine, so the gradient scale changes over training; it stays within bounds and is meant.

expect: healthy
"""

import math

import torch
import torch.nn as nn
import torch.nn.functional as F

from collapse_doctor import Inspector


class TCN(nn.Module):
    def __init__(self, channels=3, width=32, dim=24):
        super().__init__()
        self.net = nn.ModuleList()
        c = channels
        for dilation in (1, 2, 4):
            self.net.append(nn.Conv1d(c, width, 3, dilation=dilation, padding=dilation))
            c = width
        self.readout = nn.Sequential(nn.BatchNorm1d(2 * width), nn.Linear(2 * width, dim))

    def forward(self, x):
        for i, conv in enumerate(self.net):
            h = F.leaky_relu(conv(x), 0.1)
            x = h + x if i else h
        return self.readout(torch.cat([x.mean(2), x.std(2)], 1))


def temperature(step, total, high=0.5, low=0.1):
    return low + 0.5 * (high - low) * (1 + math.cos(math.pi * step / total))


def machines(n):
    """Vibration of n machines in two windows."""
    f = torch.rand(n, 3, 1) * 1.4 + 0.1
    amp = torch.rand(n, 3, 1) * 1.5 + 0.3
    t = torch.arange(64)

    def window():
        w = amp * torch.sin(f * t + 6.28 * torch.rand(n, 3, 1))
        return w + 0.2 * torch.randn(n, 3, 64)

    return window(), window()


def nt_xent(a, b, tau):
    z = F.normalize(torch.cat([a, b]), dim=1)
    n = len(a)
    sim = z @ z.T / tau
    mask = torch.eye(2 * n, dtype=torch.bool)
    pos = torch.cat([sim.diagonal(n), sim.diagonal(-n)])
    return (sim.masked_fill(mask, -torch.inf).logsumexp(1) - pos).mean()


torch.manual_seed(71)
TOTAL = 60
net = TCN()
opt = torch.optim.RAdam(net.parameters(), lr=5e-3)
with Inspector(net) as inspector:
    for step in range(TOTAL):
        a, b = machines(40)
        loss = nt_xent(net(a), net(b), temperature(step, TOTAL))
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
