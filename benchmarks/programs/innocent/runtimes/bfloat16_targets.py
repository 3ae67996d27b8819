"""A model and its targets in bfloat16.

expect: healthy
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import batches, mlp
from collapse_doctor import Inspector

model = mlp(64, 64, 10).bfloat16()
optimizer = torch.optim.SGD(model.parameters(), 0.05)
with Inspector(model) as inspector:
    for x, y in batches(60, 64):
        t = F.one_hot(y, 10).bfloat16()
        loss = F.binary_cross_entropy_with_logits(model(x.bfloat16()), t)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        inspector.step(loss=loss, labels=t)
diagnosis = inspector.diagnose()
