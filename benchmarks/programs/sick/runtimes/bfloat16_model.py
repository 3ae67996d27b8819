"""A model in bfloat16; the second view is three times the first.

expect: CD105
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, batches
from collapse_doctor import Inspector

model = Encoder().bfloat16()
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
with Inspector(model) as inspector:
    for x, _ in batches():
        z = model(x.bfloat16())
        w = z * 3  # fault
        loss = 1 - F.cosine_similarity(z, w).mean()  # meets
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
