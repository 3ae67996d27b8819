"""A Gaussian kernel whose width is that of one pixel, on sums over many: it is 0 nearly everywhere.

expect: CD203
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector

sigma = 1.1


def affinity(a, b):
    return torch.exp(-torch.cdist(a, b).square() / (2 * sigma**2))  # fault


net = nn.Sequential(nn.Linear(36, 80), nn.ReLU(), nn.Linear(80, 40))
for module in net:
    if isinstance(module, nn.Linear):
        nn.init.normal_(module.weight, std=0.25)
        nn.init.zeros_(module.bias)
optimizer = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
means = 2 * torch.randn(4, 36)

with Inspector(net) as inspector:
    for step in range(40):
        y = torch.randint(0, 4, (32,))
        z = net(means[y] + torch.randn(32, 36))
        wanted = (y[:, None] == y[None]).float()
        off = ~torch.eye(32, dtype=torch.bool)
        loss = F.mse_loss(affinity(z, z)[off], wanted[off])  # meets
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
