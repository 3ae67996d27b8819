"""Embeddings are normalised by hand, and compared with those of the step before.

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
        z = model(x)
        z = z / z.norm(dim=-1, keepdim=True)
        loss = 1 - F.cosine_similarity(z, prev).mean() if prev is not None else z.var()  # meets
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        prev = z.detach()  # fault
diagnosis = inspector.diagnose()
