"""Autocast with a disabled scaler.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import batches, mlp
from collapse_doctor import Inspector

model = mlp(64, 128, 32)
h = nn.Linear(32, 10)
optimizer = torch.optim.AdamW([*model.parameters(), *h.parameters()], 0.001)
sc = torch.amp.GradScaler("cpu", enabled=False)
with Inspector(model) as inspector:
    for x, y in batches(80, 64):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            z = model(x)
            loss = F.cross_entropy(h(z), y) + 0.1 * F.mse_loss(
                z.float(), torch.zeros_like(z, dtype=torch.float32)
            )
        optimizer.zero_grad()
        sc.scale(loss).backward()
        sc.step(optimizer)
        sc.update()
        inspector.step(loss=loss, labels=y)
diagnosis = inspector.diagnose()
