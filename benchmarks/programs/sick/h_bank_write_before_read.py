"""Instance bank that is written before it is read: the stored positive is this step's own output.

expect: CD103
"""

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector


class InstanceBank:
    """The latest embedding of every sample."""

    def __init__(self, size, dim):
        self.rows = F.normalize(torch.randn(size, dim), dim=1)

    def exchange(self, index, fresh):
        self.rows[index] = fresh.detach()  # fault
        return self.rows[index]  # fault


data = torch.randn(300, 8) @ torch.randn(8, 40)
encoder = nn.Sequential(nn.Linear(40, 64), nn.ReLU(), nn.Linear(64, 16))
bank = InstanceBank(len(data), 16)
optimizer = torch.optim.Adam(encoder.parameters(), lr=1e-3)

with Inspector(encoder) as inspector:
    for step in range(30):
        index = torch.randperm(len(data))[:50]
        z = F.normalize(encoder(data[index] + 0.1 * torch.randn(50, 40)), dim=1)
        stored = bank.exchange(index, z)
        spread = torch.logsumexp(z @ z.t() / 0.2 - 9e9 * torch.eye(50), 1).mean()
        pull = 1 - F.cosine_similarity(z, stored).mean()  # meets
        optimizer.zero_grad()
        (pull + 0.2 * spread).backward()
        optimizer.step()

diagnosis = inspector.diagnose()
