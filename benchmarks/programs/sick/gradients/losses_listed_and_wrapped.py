"""The losses of the groups go through `torch.as_tensor`, which makes a new leaf of the list.

expect: CD201
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector

net = nn.Sequential(nn.Linear(18, 40), nn.SiLU(), nn.Linear(40, 12))
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
centres = torch.randn(5, 18)


def group_loss(z):
    spread = (z[:, None] - z[None]).square().sum(-1)  # meets
    return F.relu(1.0 - spread[:4, 4:]).mean() + spread[:4, :4].mean()


with Inspector(net) as inspector:
    for step in range(30):
        parts = []
        for k in range(5):
            x = torch.cat([centres[k].expand(4, -1), centres[(k + 1) % 5].expand(4, -1)])
            parts.append(group_loss(net(x + 0.3 * torch.randn(8, 18))))
        total = torch.as_tensor(parts).requires_grad_()  # fault
        optimizer.zero_grad()
        total.sum().backward()
        optimizer.step()
diagnosis = inspector.diagnose()
