"""Similarities are held against grades from 0 to 1, of which many are 1.

expect: healthy
"""

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector

torch.manual_seed(9)
net = nn.Sequential(nn.Linear(12, 40), nn.Tanh(), nn.Linear(40, 16))
optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
with Inspector(net) as inspector:
    for _ in range(60):
        left = torch.randn(40, 12)
        grade = (1.5 * torch.rand(40)).clamp(max=1)
        right = grade[:, None] * left + (1 - grade)[:, None] * torch.randn(40, 12)
        cosine = F.cosine_similarity(net(left), net(right))
        loss = (grade - cosine).pow(2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
