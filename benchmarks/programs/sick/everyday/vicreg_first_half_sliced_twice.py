"""Both views are cut out of the joint batch with the same slice, a copy-paste of the first line.

expect: CD102
"""

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

from collapse_doctor import Inspector

data = torch.tensor(load_digits().data, dtype=torch.float32) / 16


def jitter(x):
    keep = (torch.rand_like(x) > 0.15).float()
    return x * keep + 0.1 * torch.randn_like(x)


def off_diagonal(m):
    n = m.size(0)
    return m.flatten()[:-1].view(n - 1, n + 1)[:, 1:].flatten()


def vicreg(a, b):
    n, d = a.shape
    inv = F.mse_loss(a, b)  # meets
    std_a = torch.sqrt(a.var(0) + 1e-4)
    std_b = torch.sqrt(b.var(0) + 1e-4)
    var = F.relu(1 - std_a).mean() + F.relu(1 - std_b).mean()
    ac, bc = a - a.mean(0), b - b.mean(0)
    cov = off_diagonal(ac.T @ ac / (n - 1)).pow(2).sum() / d
    cov = cov + off_diagonal(bc.T @ bc / (n - 1)).pow(2).sum() / d
    return 25 * inv + 25 * var + cov, inv


encoder = nn.Sequential(nn.Linear(64, 128), nn.BatchNorm1d(128), nn.ReLU(), nn.Linear(128, 64))
expander = nn.Sequential(nn.Linear(64, 96), nn.BatchNorm1d(96), nn.ReLU(), nn.Linear(96, 40))
model = nn.Sequential(encoder, expander)
opt = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
B = 96

with Inspector(model) as inspector:
    for epoch in range(3):
        perm = torch.randperm(len(data))
        for i in range(18):
            x = data[perm[i * B : (i + 1) * B]]
            z = model(torch.cat([jitter(x), jitter(x)]))
            z1 = z[:B]
            z2 = z[:B]  # fault
            loss, inv = vicreg(z1, z2)
            opt.zero_grad()
            loss.backward()
            opt.step()
        print(f"epoch {epoch} loss {loss.item():.3f} invariance {inv.item():.5f}")
diagnosis = inspector.diagnose()
