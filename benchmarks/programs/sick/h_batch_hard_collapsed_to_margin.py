"""Batch-hard triplet loss with far too high a learning rate: one vector, loss equal to the margin.

expect: CD207
first: gradual
"""

import torch
from torch import nn

from collapse_doctor import Inspector


def batch_hard(z, y, margin):
    d = torch.cdist(z, z) + 0
    same = y[:, None] == y[None, :]
    hardest_positive = d.masked_fill(~same, 0).amax(1)
    hardest_negative = d.masked_fill(same, 1e9).amin(1)
    return torch.relu(hardest_positive - hardest_negative + margin).mean()  # shows


ids = torch.randn(10, 32)
net = nn.Sequential(nn.Linear(32, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 16))
optimizer = torch.optim.Adam(net.parameters(), lr=0.05)  # fault
with Inspector(net) as inspector:
    for _ in range(60):
        y = torch.randint(0, 10, (60,))
        x = ids[y] + 3.0 * torch.randn(60, 32)
        loss = batch_hard(net(x), y, margin=0.5)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
