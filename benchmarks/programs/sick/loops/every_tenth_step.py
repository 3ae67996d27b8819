"""Every tenth step compares a view with itself.

expect: CD101
first: 9
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, augment, batches
from collapse_doctor import Inspector

model = Encoder()
optimizer = torch.optim.Adam(model.parameters())
with Inspector(model) as inspector:
    for i, (x, _) in enumerate(batches(95)):
        za = model(augment(x))
        zb = model(augment(x))
        if i % 10 == 9:
            zb = za  # fault
        loss = F.mse_loss(za, zb)  # meets
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
