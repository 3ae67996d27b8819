"""Attention pooling over time series; the mask is accepted and never used in the softmax.

expect: CD210
first: gradual
"""

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector


class AttentionPool(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.query = nn.Parameter(torch.randn(dim) / dim**0.5)

    def forward(self, h, mask=None):
        weight = torch.einsum("btd,d->bt", h, self.query).softmax(dim=1)  # fault
        return torch.einsum("bt,btd->bd", weight, h)


class SeriesEncoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.dense = nn.Sequential(nn.Linear(6, 32), nn.GELU(), nn.Linear(32, 24))
        self.pool = AttentionPool(24)

    def forward(self, values, mask):
        return self.pool(self.dense(values), mask=mask)


def recordings(n):
    mask = torch.arange(20) < torch.randint(5, 21, (n, 1))
    rate = 1 + torch.randint(0, 4, (n, 1, 1))
    t = torch.linspace(0, 6, 20)[None, :, None]
    values = torch.sin(rate * t + torch.arange(6)) + 0.2 * torch.randn(n, 20, 6)
    return values * mask.unsqueeze(-1), mask, rate.flatten() - 1


encoder, head = SeriesEncoder(), nn.Linear(24, 4)
optimizer = torch.optim.Adam([*encoder.parameters(), *head.parameters()], lr=3e-3)
values, mask, _ = recordings(64)

with Inspector(encoder, probe={"values": values, "mask": mask}) as inspector:
    for _ in range(40):
        v, m, rate = recordings(40)
        loss = F.cross_entropy(head(encoder(v, m)), rate)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
