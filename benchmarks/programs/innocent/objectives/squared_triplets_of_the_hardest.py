"""Squared distances and the hardest of each batch, at a step that the net can take.

expect: healthy
"""

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector

torch.manual_seed(5)
net = nn.Sequential(nn.Linear(16, 48), nn.LeakyReLU(0.1), nn.Linear(48, 24))
kinds = torch.randn(30, 16)
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
with Inspector(net) as inspector:
    for _ in range(90):
        labels = torch.randperm(30)[:8].repeat_interleave(4)
        z = net(kinds[labels] + 0.3 * torch.randn(32, 16))
        apart = torch.cdist(z, z).pow(2)
        same = labels.unsqueeze(0).eq(labels.unsqueeze(1))
        far = apart.masked_fill(~same, 0.0).max(1).values
        near = apart.masked_fill(same, 1e5).min(1).values
        loss = F.softplus(far - near).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
