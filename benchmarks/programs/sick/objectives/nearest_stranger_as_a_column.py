"""Hinge on the nearest stranger, whose distance is looked up with keepdim while that of the partner is not.

expect: CD205
"""

import torch
from torch import nn

from collapse_doctor import Inspector


def nearest(distances, same):
    return distances.masked_fill(same, 1e4).min(dim=1, keepdim=True)[0]  # fault


def loss_of(z, partner, labels):
    own = (z - partner).norm(dim=1)
    other = nearest(torch.cdist(z, z), labels[:, None] == labels)
    return torch.clamp(own - other + 0.5, min=0).mean()  # meets


torch.manual_seed(0)
centres = torch.randn(9, 14)
net = nn.Sequential(nn.Linear(14, 32), nn.Tanh(), nn.Linear(32, 12))
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
with Inspector(net) as inspector:
    for _ in range(40):
        labels = torch.randint(9, (36,))
        one, two = (centres[labels] + 0.4 * torch.randn(36, 14) for _ in range(2))
        loss = loss_of(net(one), net(two), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
