"""Pictures are divided by a standard deviation that is the one of a sum over all pixels, squared.

expect: CD501
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import DIGITS, batches, mlp
from collapse_doctor import Inspector

mean, scale = DIGITS.mean(), (DIGITS * 255).var() * 16  # fault


class Standardise:
    def __init__(self, mean, scale):
        self.mean, self.scale = mean, scale

    def __call__(self, x):
        return (x - self.mean) / self.scale


transform = Standardise(mean, scale)
net = mlp(64, 96, 32, act=nn.GELU)
optimizer = torch.optim.SGD(net.parameters(), lr=1e-2)
with Inspector(net) as inspector:
    for x, _ in batches(25, 64):
        first = net(transform(x + 0.1 * torch.randn_like(x)))
        second = net(transform(x + 0.1 * torch.randn_like(x)))
        scores = F.normalize(first, dim=1) @ F.normalize(second, dim=1).T
        loss = F.cross_entropy(scores / 0.5, torch.arange(len(x)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
