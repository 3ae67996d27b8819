"""Hashing: the codes are taken by a comparison, through which no gradient passes.

expect: CD201
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector


class HashNet(nn.Module):
    def __init__(self, bits=24):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(32, 64), nn.ReLU(), nn.Linear(64, bits))
        self.classify = nn.Linear(bits, 8)

    def forward(self, x):
        z = self.encoder(x)
        code = (z > 0).float() * 2 - 1  # fault
        return self.classify(code)


class Fitter:
    def __init__(self, net):
        self.net = net
        self.opt = torch.optim.Adam(net.parameters(), lr=2e-3)
        self.means = torch.randn(8, 32)

    def __iter__(self):
        for _ in range(30):
            y = torch.randint(0, 8, (64,))
            yield self.means[y] + torch.randn(64, 32), y

    def fit(self):
        for x, y in self:
            self.opt.zero_grad()
            F.cross_entropy(self.net(x), y).backward()
            self.opt.step()


net = HashNet()
with Inspector(net.encoder) as inspector:
    Fitter(net).fit()
diagnosis = inspector.diagnose()
