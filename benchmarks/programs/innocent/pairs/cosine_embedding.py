"""A cosine embedding loss over pairs of either kind.

expect: healthy
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, batches
from collapse_doctor import Inspector

model = Encoder()
optimizer = torch.optim.Adam(model.parameters(), 0.001)
with Inspector(model) as inspector:
    for x, y in batches(150, 64):
        a, b = model(x).chunk(2)
        t = torch.where(y[:32] == y[32:], 1, -1)
        loss = F.cosine_embedding_loss(a, b, t, margin=0.3)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        inspector.step(loss=loss, labels=y)
diagnosis = inspector.diagnose()
