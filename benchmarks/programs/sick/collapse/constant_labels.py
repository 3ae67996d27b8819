"""Every pair is labelled positive.

expect: CD503
first: 0
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, batches
from collapse_doctor import Inspector

model = Encoder()
optimizer = torch.optim.Adam(model.parameters())
with Inspector(model) as inspector:
    for x, y in batches(40, 32):
        y = torch.ones_like(y)
        z1, z2 = model(x).chunk(2)
        t = torch.ones(16)
        loss = F.cosine_embedding_loss(z1, z2, t)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        inspector.step(loss=loss, labels=y)
diagnosis = inspector.diagnose()
