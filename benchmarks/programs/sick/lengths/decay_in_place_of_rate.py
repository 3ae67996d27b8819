"""Positional arguments swapped: the rate went to weight_decay and the decay to the rate.

expect: CD308
first: gradual
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector


def make_optimizer(params, weight_decay, lr):
    return torch.optim.SGD(params, lr=lr, weight_decay=weight_decay)


net = nn.Sequential(nn.Linear(30, 64), nn.ReLU(), nn.Linear(64, 16))
opt = make_optimizer(net.parameters(), 3.0, 1e-2)
with Inspector(net) as inspector:
    for step in range(300):
        x = torch.randn(64, 30)
        a, b = net(x + 0.1 * torch.randn_like(x)), net(x + 0.1 * torch.randn_like(x))
        d = torch.cdist(a, b)
        loss = (d.diagonal() ** 2).mean() + F.relu(1 - d.roll(1, 0).diagonal()).pow(2).mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
