"""Mixup, with two label tensors.

expect: healthy
"""

import numpy as np
import torch
from torch.nn import functional as F

from benchmarks.programs.common import batches, mlp
from collapse_doctor import Inspector

model = mlp(64, 64, 10)
optimizer = torch.optim.SGD(model.parameters(), 0.05, 0.9)
with Inspector(model) as inspector:
    for x, y in batches(60, 63):
        p = torch.randperm(63)
        share = np.random.beta(1, 1)
        g = model(share * x + (1 - share) * x[p])
        loss = share * F.cross_entropy(g, y) + (1 - share) * F.cross_entropy(g, y[p])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        inspector.step(loss=loss, labels=(y, y[p]))
diagnosis = inspector.diagnose()
