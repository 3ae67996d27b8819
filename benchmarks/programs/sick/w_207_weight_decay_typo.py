"""Triplets with weight_decay=3.0 where 3e-4 was meant: the weights melt, every vector is the bias.

expect: CD308, CD207
first: gradual
"""

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector

net = nn.Sequential(nn.Linear(18, 32), nn.ReLU(), nn.Linear(32, 12))
optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9, weight_decay=3.0)  # fault
centers = torch.randn(20, 18)


def noisy(kinds):
    return centers[kinds] + 0.2 * torch.randn(len(kinds), 18)


with Inspector(net) as inspector:
    for _ in range(80):
        c = torch.randint(0, 20, (40,))
        anchor, positive, negative = (net(noisy(k)) for k in (c, c, (c + 1) % 20))
        loss = F.triplet_margin_loss(anchor, positive, negative, margin=0.5)  # shows
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
