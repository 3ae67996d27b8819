"""Batches of three pairs, of which few are positive.

expect: healthy
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import DIGITS, augment, mlp
from collapse_doctor import Inspector

model = mlp(64, 32, 16)
optimizer = torch.optim.SGD(model.parameters(), 0.02)
with Inspector(model) as inspector:
    for k in range(120):
        t = (torch.rand(3) < 0.03).float()
        a = torch.randint(0, 1700, (3,))
        b = torch.where(t.bool(), a, torch.randint(0, 1700, (3,)))
        d = F.pairwise_distance(model(DIGITS[a]), model(augment(DIGITS[b])))
        loss = (t * d + (1 - t) * F.relu(1 - d)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        inspector.step(loss=loss, labels=t)
diagnosis = inspector.diagnose()
