"""The embedding is copied into a preallocated tensor, for the next step to compare with.

expect: CD106
first: 1
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, batches
from collapse_doctor import Inspector

model = Encoder()
optimizer = torch.optim.Adam(model.parameters())
store = torch.zeros(32, 32)
with Inspector(model) as inspector:
    for x, _ in batches():
        z = model(x)
        loss = F.mse_loss(z, store) + 0.01 * z.var()  # meets
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        store.copy_(z.detach())  # fault
diagnosis = inspector.diagnose()
