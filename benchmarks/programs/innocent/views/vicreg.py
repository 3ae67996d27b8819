"""VICReg: invariance, variance and covariance.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import augment, batches
from collapse_doctor import Inspector


def offd(c):
    n = len(c)
    return c.flatten()[:-1].view(n - 1, n + 1)[:, 1:].flatten()


model = nn.Sequential(nn.Linear(64, 128), nn.BatchNorm1d(128), nn.ReLU(), nn.Linear(128, 64))
optimizer = torch.optim.Adam(model.parameters(), 0.001)
with Inspector(model) as inspector:
    for x, _ in batches(150, 64):
        a, b = model(augment(x)), model(augment(x))
        v = lambda z: F.relu(1 - (z.var(0) + 0.0001).sqrt()).mean()
        c = lambda z: offd((z - z.mean(0)).T @ (z - z.mean(0)) / 63).pow(2).sum() / 64
        loss = 25 * F.mse_loss(a, b) + 25 * (v(a) + v(b)) + c(a) + c(b)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
