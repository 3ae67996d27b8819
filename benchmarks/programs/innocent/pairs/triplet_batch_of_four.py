"""Batch-hard triplets in batches of four: the hardest positive of a lonely row is itself.

expect: healthy
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import batches, mlp
from collapse_doctor import Inspector

model = mlp(64, 64, 16)
optimizer = torch.optim.Adam(model.parameters(), 0.001)
with Inspector(model) as inspector:
    for x, y in batches(300, 4):
        z = model(x)
        d = torch.cdist(z, z)
        same = y[:, None] == y[None]
        ap = d.masked_fill(~same, -1).argmax(1)
        an = d.masked_fill(same, 1e9).argmin(1)
        loss = F.triplet_margin_loss(z, z[ap], z[an], margin=0.5)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        inspector.step(loss=loss, labels=y)
diagnosis = inspector.diagnose()
