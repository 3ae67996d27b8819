"""The target is the output's .data.

expect: CD103
"""

import torch
from torch import nn

from benchmarks.programs.common import Encoder, batches
from collapse_doctor import Inspector

model = Encoder()
optimizer = torch.optim.RMSprop(model.parameters())
with Inspector(model) as inspector:
    for x, _ in batches():
        z = model(x)
        t = z.data  # fault
        loss = nn.HuberLoss()(z, t)  # meets
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
