"""Barlow Twins: the cross-correlation is pulled to the identity.

expect: healthy
"""

import torch
from torch import nn

from benchmarks.programs.common import augment, batches
from collapse_doctor import Inspector


def offd(c):
    n = len(c)
    return c.flatten()[:-1].view(n - 1, n + 1)[:, 1:].flatten()


model = nn.Sequential(nn.Linear(64, 128), nn.BatchNorm1d(128), nn.ReLU(), nn.Linear(128, 64))
bn = nn.BatchNorm1d(64, affine=False)
optimizer = torch.optim.Adam(model.parameters(), 0.001)
with Inspector(model) as inspector:
    for x, _ in batches(150, 64):
        c = bn(model(augment(x))).T @ bn(model(augment(x))) / 64
        loss = (torch.diagonal(c) - 1).pow(2).sum() + 0.005 * offd(c).pow(2).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
