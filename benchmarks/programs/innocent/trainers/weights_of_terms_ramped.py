"""The terms that keep rows apart begin at weight 0 and are faded in over twenty steps.

expect: healthy
"""

import torch
from torch import nn

from collapse_doctor import Inspector


def off_diagonal(c):
    return c - torch.diag(c.diagonal())


net = nn.Sequential(nn.Linear(26, 64), nn.ReLU(), nn.Linear(64, 12))
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
world = torch.randn(8, 26)
with Inspector(net) as inspector:
    for step in range(100):
        ramp = min(1.0, max(0, step - 5) / 20)
        x = torch.randn(64, 8) @ world
        a, b = (net(x + 0.3 * torch.randn_like(x)) for _ in range(2))
        loss = nn.functional.mse_loss(a, b)
        for z in (a, b):
            c = z - z.mean(0)
            loss = loss + ramp * torch.relu(1 - z.std(0)).mean()
            loss = loss + 0.04 * ramp * off_diagonal(c.T @ c / 63).pow(2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
