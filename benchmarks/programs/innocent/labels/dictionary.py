"""Labels come in a dictionary.

expect: healthy
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import batches, mlp
from collapse_doctor import Inspector

model = mlp(64, 64, 10)
optimizer = torch.optim.Adam(model.parameters(), 0.001)
with Inspector(model) as inspector:
    for x, y in batches(20, 64):
        loss = F.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        inspector.step(loss=loss, labels={"y": y})
diagnosis = inspector.diagnose()
