"""Sixteen layers of averaging over neighbours.

expect: CD311, CD301
first: gradual
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import DIGITS
from collapse_doctor import Inspector

A = (torch.rand(60, 60) < 0.2).float()
A = (A + A.T > 0).float() + torch.eye(60)
A = A / A.sum(1, keepdim=True)


class G(nn.Module):
    def __init__(self):
        super().__init__()
        self.w = nn.ModuleList([nn.Linear(64, 64) for _ in range(16)])

    def forward(self, h):
        for w in self.w:
            h = F.relu(A @ w(h))
        return h


model = G()
optimizer = torch.optim.Adam(model.parameters(), 0.001)
x0 = DIGITS[:60]
with Inspector(model) as inspector:
    for i in range(250):
        z = model(x0)
        loss = F.cross_entropy(
            F.normalize(z) @ F.normalize(z + 0.01 * torch.randn_like(z)).T / 0.5, torch.arange(60)
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
