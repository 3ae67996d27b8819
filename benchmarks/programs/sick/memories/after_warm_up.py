"""Ten honest steps, then each batch is compared with the one before.

expect: CD106
first: 10
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, augment, batches
from collapse_doctor import Inspector

model = Encoder()
optimizer = torch.optim.Adam(model.parameters())
prev = None
with Inspector(model) as inspector:
    for i, (x, _) in enumerate(batches(60)):
        z = model(x)
        if i < 10 or prev is None:
            loss = F.mse_loss(z, model(augment(x)))
        else:
            loss = F.mse_loss(z, prev)  # meets
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        prev = z.detach()  # fault
diagnosis = inspector.diagnose()
