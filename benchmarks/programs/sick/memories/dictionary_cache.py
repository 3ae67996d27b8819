"""A dictionary keeps the last embedding between iterations.

expect: CD106
first: 1
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, batches
from collapse_doctor import Inspector

cache = {}
model = Encoder()
optimizer = torch.optim.Adam(model.parameters())
with Inspector(model) as inspector:
    for i, (x, y) in enumerate(batches()):
        z = model(x)
        ref = cache.get("z")
        loss = F.mse_loss(z, ref) if ref is not None else z.var(0).mean()  # meets
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        cache["z"] = z.detach().clone()  # fault
diagnosis = inspector.diagnose()
