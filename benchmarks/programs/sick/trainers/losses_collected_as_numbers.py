"""Losses of several heads are collected as numbers, and their mean is made a tensor again.

expect: CD201
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector


class Meter:
    def __init__(self):
        self.values = []

    def add(self, value):
        self.values.append(float(value))  # fault

    def mean(self):
        return torch.tensor(self.values, requires_grad=True).mean()  # shows


net = nn.Sequential(nn.Linear(25, 50), nn.ReLU(), nn.Linear(50, 15))
optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
items = torch.randn(80, 25)
with Inspector(net) as inspector:
    for _ in range(30):
        meter = Meter()
        for chunk in items[torch.randperm(80)].split(40):
            a, b = net(chunk), net(chunk + 0.2 * torch.randn_like(chunk))
            logits = F.normalize(a, dim=1) @ F.normalize(b, dim=1).T / 0.1
            meter.add(F.cross_entropy(logits, torch.arange(40)))
        optimizer.zero_grad()
        meter.mean().backward()
        optimizer.step()
diagnosis = inspector.diagnose()
