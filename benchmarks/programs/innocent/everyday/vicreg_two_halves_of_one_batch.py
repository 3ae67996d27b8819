"""Both views come as slices of one joint output, but of its two different halves.

expect: healthy
"""

import torch
import torch.nn as nn
import torch.nn.functional as F

from collapse_doctor import Inspector

factors = torch.randn(1500, 10)
mix = torch.randn(10, 60)
data = torch.tanh(factors @ mix / 2)


def noisy(x):
    return x + 0.25 * torch.randn_like(x)


def off(m):
    return m - torch.diag(torch.diagonal(m))


def vicreg(a, b):
    n, d = a.shape
    inv = F.mse_loss(a, b)
    var = sum(F.relu(1 - (t.var(0) + 1e-4).sqrt()).mean() for t in (a, b))
    cov = 0
    for t in (a, b):
        t = t - t.mean(0)
        cov = cov + off(t.T @ t / (n - 1)).pow(2).sum() / d
    return 10 * inv + 10 * var + cov


model = nn.Sequential(
    nn.Linear(60, 96),
    nn.BatchNorm1d(96),
    nn.ReLU(),
    nn.Linear(96, 96),
    nn.BatchNorm1d(96),
    nn.ReLU(),
    nn.Linear(96, 24),
)
opt = torch.optim.AdamW(model.parameters(), lr=2e-3)
B = 100

with Inspector(model) as inspector:
    for epoch in range(4):
        for x in data[torch.randperm(1500)].split(B):
            z = model(torch.cat([noisy(x), noisy(x)]))
            z1, z2 = z[:B], z[B:]
            loss = vicreg(z1, z2)
            opt.zero_grad()
            loss.backward()
            opt.step()
        print(epoch, f"{loss.item():.3f}")
diagnosis = inspector.diagnose()
