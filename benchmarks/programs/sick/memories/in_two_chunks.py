"""The batch goes through in two chunks; the joined output is kept for the next step.

expect: CD106
first: 1
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, batches
from collapse_doctor import Inspector

model = Encoder()
optimizer = torch.optim.Adam(model.parameters())
prev = None
with Inspector(model) as inspector:
    for x, _ in batches():
        z = torch.cat([model(x[:16]), model(x[16:])])
        if prev is not None:
            loss = 1 - F.cosine_similarity(z, prev).mean()  # meets
        else:
            loss = z.var()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        prev = z.detach()  # fault
diagnosis = inspector.diagnose()
