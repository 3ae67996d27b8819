"""A linear schedule that reaches 0 with the last tenth of the steps.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F
from torch.optim.lr_scheduler import LambdaLR

from collapse_doctor import Inspector

STEPS = 120
net = nn.Sequential(nn.Linear(24, 48), nn.GELU(), nn.Linear(48, 16))
optimizer = torch.optim.AdamW(net.parameters(), lr=2e-3)
scheduler = LambdaLR(optimizer, lambda step: max(0.0, 1 - step / (0.9 * STEPS)))
basis = torch.randn(6, 24)
with Inspector(net) as inspector:
    for _ in range(STEPS):
        s = torch.randn(48, 6) @ basis
        a, b = (F.normalize(net(s + 0.3 * torch.randn(48, 24)), dim=1) for _ in range(2))
        loss = F.cross_entropy(a @ b.T / 0.1, torch.arange(48))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
diagnosis = inspector.diagnose()
