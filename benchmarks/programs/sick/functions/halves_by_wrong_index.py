"""A helper splits a doubled batch into halves and slices the first one twice.

expect: CD102
"""

import torch
from torch import nn

from collapse_doctor import Inspector


def halves(z):
    n = len(z) // 2
    return z[:n], z[:n]  # fault


class Objective:
    def __init__(self, margin):
        self.margin = margin

    def __call__(self, z):
        left, right = halves(z)
        pull = nn.functional.mse_loss(left, right)  # meets
        push = torch.relu(self.margin - torch.pdist(left)).mean()
        return pull + push


net = nn.Sequential(nn.Linear(20, 50), nn.ReLU(), nn.Linear(50, 16))
objective = Objective(1.0)
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
with Inspector(net) as inspector:
    for _ in range(25):
        x = torch.randn(30, 20)
        loss = objective(net(torch.cat([x, x + 0.1 * torch.randn_like(x)])))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
