"""Outputs on an anchor set are kept near where they were.

expect: healthy
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import DIGITS, batches, mlp
from collapse_doctor import Inspector

model = mlp(64, 64, 10)
optimizer = torch.optim.SGD(model.parameters(), 0.05)
anc = DIGITS[:40]
with Inspector(model) as inspector:
    with torch.no_grad():
        ref = model(anc)
    for x, y in batches(60, 64):
        loss = F.cross_entropy(model(x), y) + 0.5 * F.mse_loss(model(anc), ref)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        inspector.step(loss=loss, labels=y)
diagnosis = inspector.diagnose()
