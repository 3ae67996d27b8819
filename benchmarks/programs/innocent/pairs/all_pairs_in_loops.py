"""Python loops over all pairs of the batch, the diagonal included.

expect: healthy
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import batches, mlp
from collapse_doctor import Inspector

model = mlp(64, 32, 8)
optimizer = torch.optim.SGD(model.parameters(), 0.05)
with Inspector(model) as inspector:
    for x, y in batches(20, 8):
        z = model(x)
        loss = 0.0
        for a in range(8):
            for b in range(8):
                s = F.cosine_similarity(z[a], z[b], dim=0)
                loss = loss + (1 - s if y[a] == y[b] else F.relu(s - 0.3))
        loss = loss / 64
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        inspector.step(loss=loss, labels=y)
diagnosis = inspector.diagnose()
