"""The embedding of the first batch stays the target of all that follow.

expect: CD106
first: 1
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, augment, batches
from collapse_doctor import Inspector

model = Encoder()
optimizer = torch.optim.Adam(model.parameters())
ref = None
with Inspector(model) as inspector:
    for i, (x, y) in enumerate(batches(30)):
        z = model(x)
        if ref is None:
            ref = model(augment(x)).detach()  # fault
        loss = F.mse_loss(z, ref)  # meets
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
