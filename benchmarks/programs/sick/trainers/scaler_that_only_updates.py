"""Mixed precision by hand: the scaler scales and updates, and nobody steps.

expect: CD202
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector

model = nn.Sequential(nn.Linear(28, 56), nn.ReLU(), nn.Linear(56, 16))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)  # shows
scaler = torch.amp.GradScaler("cpu", init_scale=128.0)
pool = torch.randn(300, 28)
with Inspector(model) as inspector:
    for _ in range(40):
        x = pool[torch.randint(0, 300, (40,))]
        optimizer.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            a, b = model(x), model(x + 0.1 * torch.randn_like(x))
        a, b = F.normalize(a.float(), dim=1), F.normalize(b.float(), dim=1)
        loss = F.cross_entropy(a @ b.T / 0.1, torch.arange(40))
        scaler.scale(loss).backward()  # shows
        scaler.unscale_(optimizer)
        # scaler.step(optimizer)
        scaler.update()
diagnosis = inspector.diagnose()
