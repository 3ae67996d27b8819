"""All pairs as two expanded tensors, compared row by row.

expect: healthy
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import batches, mlp
from collapse_doctor import Inspector

model = mlp(64, 64, 32)
optimizer = torch.optim.Adam(model.parameters(), 0.001)
with Inspector(model) as inspector:
    for x, y in batches(60, 32):
        z = model(x)
        a = z.unsqueeze(1).expand(32, 32, 32).reshape(-1, 32)
        b = z.unsqueeze(0).expand(32, 32, 32).reshape(-1, 32)
        s = F.pairwise_distance(a, b).view(32, 32)
        same = (y[:, None] == y[None]).float()
        loss = (same * s + (1 - same) * F.relu(2 - s)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        inspector.step(loss=loss, labels=y)
diagnosis = inspector.diagnose()
