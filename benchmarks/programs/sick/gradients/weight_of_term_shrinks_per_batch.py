"""The weight of the ranking term is to shrink by half in each epoch, and does so in each batch.

expect: CD203
first: gradual
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector


class Ranking(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = 1.0

    def forward(self, q, d, other):
        near, far = (q * d).sum(1), (q * other).sum(1)  # meets
        term = F.softplus(far - near).mean()
        return self.weight * term


encoder = nn.Sequential(nn.Linear(24, 64), nn.ReLU(), nn.Linear(64, 16))
ranking = Ranking()
optimizer = torch.optim.SGD(encoder.parameters(), lr=0.2)
basis = torch.randn(8, 24)

with Inspector(encoder) as inspector:
    for step in range(80):
        s = torch.randn(40, 8)
        q, d = (F.normalize(encoder(s @ basis + 0.3 * torch.randn(40, 24)), dim=1) for _ in "qd")
        loss = ranking(q, d, d.roll(1, 0))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        ranking.weight *= 0.5  # fault
diagnosis = inspector.diagnose()
