"""The siamese loss with labels of shape (B, 1) and distances kept at (B, 1): shapes agree.

expect: healthy
"""

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector

siamese = nn.Sequential(nn.Linear(20, 64), nn.ReLU(), nn.Linear(64, 12))
optimizer = torch.optim.Adam(siamese.parameters(), lr=3e-3)
people = torch.randn(40, 20)
with Inspector(siamese) as inspector:
    for _ in range(60):
        i = torch.randint(0, 40, (48,))
        same = (torch.rand(48, 1) < 0.5).float()
        j = torch.where(same.flatten() > 0, i, (i + torch.randint(1, 40, (48,))) % 40)
        u, v = (siamese(people[k] + 0.3 * torch.randn(48, 20)) for k in (i, j))
        d = F.pairwise_distance(u, v, keepdim=True)
        loss = (same * d.pow(2) + (1 - same) * F.relu(2.0 - d).pow(2)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
