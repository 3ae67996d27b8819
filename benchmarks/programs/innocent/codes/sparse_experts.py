"""A mixture of experts with one expert per token and a term that balances their load.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector


class Switch(nn.Module):
    def __init__(self, d, n):
        super().__init__()
        self.gate = nn.Linear(d, n, bias=False)
        self.experts = nn.ModuleList(
            nn.Sequential(nn.Linear(d, 2 * d), nn.ReLU(), nn.Linear(2 * d, d)) for _ in range(n)
        )
        self.balance = 0.0

    def forward(self, x):
        p = self.gate(x).softmax(-1)
        top, which = p.max(-1)
        y = torch.zeros_like(x)
        for k, e in enumerate(self.experts):
            rows = (which == k).nonzero().flatten()
            if len(rows):
                y = y.index_add(0, rows, top[rows, None] * e(x[rows]))
        share = F.one_hot(which, p.shape[1]).float().mean(0)
        self.balance = p.shape[1] * (share * p.mean(0)).sum()
        return x + y


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.inp = nn.Linear(20, 32)
        self.moe1, self.moe2 = Switch(32, 4), Switch(32, 4)
        self.out = nn.Linear(32, 5)

    def forward(self, x):
        h = self.moe2(self.moe1(self.inp(x)))
        return self.out(h)


teacher = nn.Sequential(nn.Linear(20, 30), nn.Tanh(), nn.Linear(30, 5))
net = Net()
opt = torch.optim.Adam(net.parameters(), 2e-3)
with Inspector(net) as inspector:
    for s in range(300):
        x = torch.randn(64, 20)
        with torch.no_grad():
            y = teacher(x).argmax(1)
        loss = F.cross_entropy(net(x), y) + 0.01 * (net.moe1.balance + net.moe2.balance)
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
