"""Accumulation over four micro-batches that clears the gradients at the end of each.

expect: CD202
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector

ACCUMULATE = 4
model = nn.Sequential(nn.Linear(32, 64), nn.LayerNorm(64), nn.ReLU(), nn.Linear(64, 24))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
world = torch.randn(400, 32)


def views(size):
    rows = world[torch.randint(0, 400, (size,))]
    return rows + 0.2 * torch.randn(size, 32), rows + 0.2 * torch.randn(size, 32)


with Inspector(model) as inspector:
    for micro in range(120):
        a, b = (F.normalize(model(view), dim=1) for view in views(24))
        loss = F.cross_entropy(a @ b.T / 0.2, torch.arange(24)) / ACCUMULATE
        loss.backward()
        optimizer.zero_grad()  # fault
        if (micro + 1) % ACCUMULATE == 0:
            optimizer.step()  # shows
diagnosis = inspector.diagnose()
