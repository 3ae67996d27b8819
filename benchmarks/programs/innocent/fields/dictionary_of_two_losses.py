"""Losses are gathered in a dictionary and summed: alignment and uniformity.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import augment, batches
from collapse_doctor import Inspector


def uniformity(z):
    return torch.pdist(z).pow(2).mul(-2).exp().mean().log()


def alignment(a, b):
    return (a - b).norm(dim=1).pow(2).mean()


net = nn.Sequential(nn.Linear(64, 96), nn.ReLU(), nn.Linear(96, 24))
optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
with Inspector(net) as inspector:
    for x, _ in batches(80):
        a, b = F.normalize(net(augment(x)), dim=1), F.normalize(net(augment(x)), dim=1)
        losses = {}
        losses["uniform"] = uniformity(a) + uniformity(b)
        losses["align"] = alignment(a, b)
        loss = sum(losses.values())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
