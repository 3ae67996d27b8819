"""Gradients are accumulated over four batches, each against its own detached embedding.

expect: CD103
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, batches
from collapse_doctor import Inspector

model = Encoder()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
with Inspector(model) as inspector:
    for i, (x, _) in enumerate(batches(16)):
        z = model(x)
        t = z.detach() * 1.0  # fault
        (F.mse_loss(z, t) / 4).backward()  # meets
        if i % 4 == 3:
            optimizer.step()
            optimizer.zero_grad()
diagnosis = inspector.diagnose()
