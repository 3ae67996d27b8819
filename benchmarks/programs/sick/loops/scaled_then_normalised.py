"""One view is scaled before both are normalised.

expect: CD104
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, batches
from collapse_doctor import Inspector

model = Encoder()
optimizer = torch.optim.Adam(model.parameters())
with Inspector(model) as inspector:
    for x, _ in batches():
        z = model(x)
        a = F.normalize(z, dim=1)
        b = F.normalize(z * 1.7, dim=1)  # fault
        loss = F.mse_loss(a, b)  # meets
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
