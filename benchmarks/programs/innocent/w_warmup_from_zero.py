"""Linear warm-up whose first step has a learning rate of 0.

expect: healthy
"""

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector

model = nn.Sequential(nn.Linear(34, 68), nn.GELU(), nn.Linear(68, 17))
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: min(1.0, step / 20))
speakers = torch.randn(70, 34)

with Inspector(model) as inspector:
    for _ in range(60):
        who = torch.randperm(70)[:10].repeat_interleave(4)
        z = F.normalize(model(speakers[who] + 0.8 * torch.randn(40, 34)), dim=-1).view(10, 4, -1)
        centroids = F.normalize(z.mean(dim=1), dim=-1)
        sim = 10 * torch.einsum("sud,cd->suc", z, centroids) - 5
        loss = F.cross_entropy(sim.flatten(0, 1), torch.arange(10).repeat_interleave(4))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()

diagnosis = inspector.diagnose()
