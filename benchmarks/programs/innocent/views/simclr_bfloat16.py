"""NT-Xent in bfloat16.

expect: healthy
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import augment, batches, mlp
from collapse_doctor import Inspector

model = mlp(64, 128, 32).bfloat16()
optimizer = torch.optim.Adam(model.parameters(), 0.001)
with Inspector(model) as inspector:
    for x, y in batches(150, 64):
        a, b = (F.normalize(model(augment(x).bfloat16()), dim=1) for _ in range(2))
        loss = F.cross_entropy((a @ b.T / 0.2).float(), torch.arange(64))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        inspector.step(loss=loss, labels=y)
diagnosis = inspector.diagnose()
