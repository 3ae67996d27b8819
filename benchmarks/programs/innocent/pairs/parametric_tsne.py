"""Parametric t-SNE: a network maps digits to the plane so that neighbourhoods stay.

expect: healthy
"""

import torch
from torch import nn

from benchmarks.programs.common import DIGITS
from collapse_doctor import Inspector


def affinities(x, perplexity=12.0):
    d = torch.cdist(x, x).square().fill_diagonal_(float("inf"))
    beta = torch.ones(len(x), 1)
    for _ in range(20):
        p = torch.softmax(-d * beta, 1)
        entropy = -(p * (p + 1e-12).log()).sum(1, keepdim=True)
        beta = beta * torch.exp(0.5 * (entropy - torch.log(torch.tensor(perplexity))))
    return (p + p.T) / (2 * len(x))


net = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 2))
opt = torch.optim.Adam(net.parameters(), lr=3e-3)
with Inspector(net) as inspector:
    for step in range(150):
        x = DIGITS[torch.randperm(len(DIGITS))[:128]]
        p = affinities(x) * (4 if step < 40 else 1)
        y = net(x)
        q = 1 / (1 + torch.cdist(y, y).square())
        q = q * (1 - torch.eye(len(x)))
        q = q / q.sum()
        loss = (p * ((p + 1e-9) / (q + 1e-9)).log()).sum()
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
