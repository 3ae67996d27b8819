"""Negatives by rolling the batch by the step number: in every eighth step the roll does nothing.

expect: CD104
"""

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector

words = torch.randn(50, 24)
net = nn.Sequential(nn.Linear(24, 48), nn.Tanh(), nn.Linear(48, 12))
optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)

with Inspector(net) as inspector:
    for step in range(48):
        ids = torch.randperm(50)[:8]
        anchor = net(words[ids] + 0.1 * torch.randn(8, 24))
        positive = net(words[ids] + 0.1 * torch.randn(8, 24))
        negative = anchor.roll(step, 0)  # fault
        d_pos = F.pairwise_distance(anchor, positive)
        d_neg = F.pairwise_distance(anchor, negative)  # meets
        loss = F.softplus(d_pos - d_neg).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
