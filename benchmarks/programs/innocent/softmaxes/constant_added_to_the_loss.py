"""InfoNCE at a temperature of 2, reported with a constant of 1000 so that it is never negative.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector

OFFSET = 1000.0
net = nn.Sequential(nn.Linear(30, 64), nn.ReLU(), nn.Linear(64, 20))
optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
with Inspector(net) as inspector:
    for _ in range(90):
        x = torch.randn(64, 30)
        a, b = (F.normalize(net(x + 0.1 * torch.randn_like(x)), dim=1) for _ in range(2))
        log_share = F.log_softmax(a.mm(b.t()) / 2.0, dim=1)
        loss = OFFSET - log_share.diag().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
