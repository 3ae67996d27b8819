"""Batch-all triplets, averaged over the active ones only: the loss hovers at its margin.

expect: healthy
"""

import torch
from torch import nn

from collapse_doctor import Inspector


def batch_all(z, y, margin=0.5):
    d = torch.cdist(z, z)
    t = d[:, :, None] - d[:, None, :] + margin
    same = y[:, None] == y[None]
    valid = (same & ~torch.eye(len(y), dtype=torch.bool))[:, :, None] & ~same[:, None, :]
    t = torch.relu(t[valid])
    return t.sum() / (t > 1e-6).sum().clamp_min(1)


kinds = torch.randn(20, 40)
net = nn.Sequential(nn.Linear(40, 96), nn.ReLU(), nn.Linear(96, 24))
opt = torch.optim.Adam(net.parameters(), lr=1e-3)
with Inspector(net) as inspector:
    for _ in range(50):
        y = torch.randint(0, 20, (40,))
        z = nn.functional.normalize(net(kinds[y] + 2.0 * torch.randn(40, 40)), dim=1)
        loss = batch_all(z, y)
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
