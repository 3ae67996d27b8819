"""Hard gates, a GELU and a Mish written by hand, at large pre-activations.

expect: healthy
"""

import math

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import augment, batches
from collapse_doctor import Inspector


def new_gelu(x):
    return 0.5 * x * (1.0 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


def mish(x):
    return x * torch.tanh(F.softplus(x))


class Gated(nn.Module):
    def __init__(self, d_in, d_out):
        super().__init__()
        self.value, self.gate = nn.Linear(d_in, d_out), nn.Linear(d_in, d_out)
        nn.init.normal_(self.gate.weight, std=4.0)

    def forward(self, x):
        g = torch.sigmoid(self.gate(x))
        return g * self.value(x)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b, self.c = Gated(64, 96), nn.Linear(96, 96), nn.Linear(96, 64)
        self.out = nn.Linear(64, 24)

    def forward(self, x):
        x = 6 * self.a(x)
        x = new_gelu(4 * self.b(x))
        return self.out(mish(4 * self.c(x)))


net = Net()
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
with Inspector(net) as inspector:
    for x, _ in batches(100, 64):
        a, b = (F.normalize(net(augment(x))) for _ in range(2))
        loss = F.cross_entropy(a @ b.T / 0.2, torch.arange(len(a)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
