"""The first eight steps run at learning rate 0 on one fixed batch, to fill Adam's moments.

expect: healthy
"""

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector

net = nn.Sequential(nn.Linear(16, 48), nn.Tanh(), nn.Linear(48, 12))
optimizer = torch.optim.Adam(net.parameters(), lr=0.0)
words = torch.randn(40, 16)
first, second = words + 0.2 * torch.randn(40, 16), words + 0.2 * torch.randn(40, 16)
with Inspector(net) as inspector:
    for step in range(60):
        if step == 8:
            for group in optimizer.param_groups:
                group["lr"] = 2e-3
        a, b = F.normalize(net(first), dim=1), F.normalize(net(second), dim=1)
        loss = F.cross_entropy(a @ b.T / 0.1, torch.arange(40))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
