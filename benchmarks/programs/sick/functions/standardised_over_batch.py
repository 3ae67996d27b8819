"""Rows are brought to length one by a helper of two steps, the first of which sums over the batch.

expect: CD206
"""

import torch
from torch import nn

from collapse_doctor import Inspector


def lengths(z, axis):
    return z.pow(2).sum(axis, keepdim=True).sqrt()


def unit(z):
    return z / lengths(z, 0).clamp(min=1e-8)  # fault


class Contrast(nn.Module):
    def forward(self, a, b):
        return nn.functional.cross_entropy(unit(a) @ unit(b).T / 0.2, torch.arange(len(a)))


net = nn.Sequential(nn.Linear(18, 48), nn.ReLU(), nn.Linear(48, 20))
contrast = Contrast()
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
with Inspector(net) as inspector:
    for _ in range(25):
        x = torch.randn(40, 18)
        loss = contrast(net(x), net(x + 0.1 * torch.randn_like(x)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
