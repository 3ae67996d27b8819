"""InfoNCE under bfloat16 autocast on the CPU: casts between dtypes everywhere.

expect: healthy
"""

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector

model = nn.Sequential(nn.Linear(32, 64), nn.ReLU(), nn.Linear(64, 24))
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
base = torch.randn(200, 32)
with Inspector(model) as inspector:
    for _ in range(40):
        x = base[torch.randperm(200)[:48]]
        with torch.autocast("cpu", dtype=torch.bfloat16):
            a = model(x + 0.3 * torch.randn_like(x))
            b = model(x + 0.3 * torch.randn_like(x))
            logits = F.normalize(a, dim=1) @ F.normalize(b, dim=1).T / 0.1
        loss = F.cross_entropy(logits.float(), torch.arange(48))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
