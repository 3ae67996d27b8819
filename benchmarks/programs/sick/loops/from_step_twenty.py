"""After a warm-up the second view is replaced by the first.

expect: CD101
first: 20
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, augment, batches
from collapse_doctor import Inspector

model = Encoder()
optimizer = torch.optim.Adam(model.parameters())
with Inspector(model) as inspector:
    for i, (x, _) in enumerate(batches(60)):
        za = model(augment(x))
        zb = model(augment(x))
        if i >= 20:
            zb = za  # fault
        loss = F.mse_loss(za, zb)  # meets
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
