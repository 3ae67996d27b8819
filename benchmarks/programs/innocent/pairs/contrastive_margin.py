"""The contrastive loss with its margin, by hand, into the plane.

expect: healthy
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import batches, mlp
from collapse_doctor import Inspector

model = mlp(64, 64, 2)
optimizer = torch.optim.Adam(model.parameters(), 0.001)
with Inspector(model) as inspector:
    for x, y in batches(300, 64):
        z = model(x)
        a, b = z.chunk(2)
        t = (y[:32] == y[32:]).float()
        d = F.pairwise_distance(a, b)
        loss = (t * d**2 + (1 - t) * F.relu(1 - d) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        inspector.step(loss=loss, labels=t)
diagnosis = inspector.diagnose()
