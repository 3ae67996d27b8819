"""Batch-hard triplet loss on cdist(z, z), classes that can be learned.

expect: healthy
"""

import torch
from torch import nn

from collapse_doctor import Inspector


class BatchHard(nn.Module):
    def __init__(self, margin=0.3):
        super().__init__()
        self.margin = margin

    def forward(self, z, y):
        d = torch.cdist(z, z)
        same = y[:, None].eq(y[None, :])
        pos = (d * same).amax(1)
        neg = (d + 1e6 * same).amin(1)
        return nn.functional.softplus(pos - neg + self.margin).mean()


ids = torch.randn(16, 24)
net = nn.Sequential(nn.Linear(24, 64), nn.ReLU(), nn.Linear(64, 16))
criterion, opt = BatchHard(), torch.optim.Adam(net.parameters(), lr=2e-3)
with Inspector(net) as inspector:
    for _ in range(50):
        y = torch.arange(16).repeat_interleave(4)
        loss = criterion(net(ids[y] + 0.4 * torch.randn(64, 24)), y)
        opt.zero_grad()
        loss.backward()
        opt.step()
        inspector.step(loss=loss, labels=y)
diagnosis = inspector.diagnose()
