"""Graph regression: predictions of shape (B,), targets of shape (B, 1), and a hand-written Huber loss.

expect: CD205
"""

import torch
from torch import nn

from collapse_doctor import Inspector


class GraphNet(nn.Module):
    def __init__(self, d=16):
        super().__init__()
        self.up = nn.Linear(4, d)
        self.mix = nn.ModuleList(nn.Linear(d, d) for _ in range(2))
        self.read = nn.Linear(d, 1)

    def forward(self, x, adj):
        h = self.up(x)
        for m in self.mix:
            h = torch.relu(m(adj @ h)) + h
        return self.read(h.mean(1)).squeeze(-1)


def huber(pred, target, delta=1.0):
    err = pred - target  # fault
    small = err.abs() < delta
    return torch.where(small, 0.5 * err**2, delta * (err.abs() - 0.5 * delta)).mean()


net = GraphNet()
opt = torch.optim.Adam(net.parameters(), 5e-3)
with Inspector(net) as inspector:
    for step in range(80):
        x = torch.randn(16, 7, 4)
        adj = torch.bernoulli(torch.full((16, 7, 7), 0.3))
        adj = ((adj + adj.mT) > 0).float() / 3
        energy = (x.pow(2).sum(-1) * adj.sum(-1)).sum(1, keepdim=True) / 10  # fault
        loss = huber(net(x, adj), energy)
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
