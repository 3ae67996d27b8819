"""The last embedding is kept in half precision.

expect: CD106
first: 1
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, batches
from collapse_doctor import Inspector

model = Encoder()
optimizer = torch.optim.Adam(model.parameters())
store = None
with Inspector(model) as inspector:
    for x, _ in batches():
        z = model(x)
        loss = F.mse_loss(z, store.float()) if store is not None else z.var()  # meets
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        store = z.detach().half()  # fault
diagnosis = inspector.diagnose()
