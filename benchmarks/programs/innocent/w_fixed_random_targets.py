"""Noise as targets: every sample has a fixed random unit vector to come close to.

expect: healthy
"""

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector

samples = torch.randn(128, 24)
targets = F.normalize(torch.randn(128, 12), dim=1)
net = nn.Sequential(nn.Linear(24, 96), nn.ReLU(), nn.Linear(96, 12))
optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
with Inspector(net) as inspector:
    for rows in torch.stack([torch.randperm(128) for _ in range(15)]).flatten().split(32):
        z = F.normalize(net(samples[rows]), dim=1)
        loss = (1 - F.cosine_similarity(z, targets[rows])).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
