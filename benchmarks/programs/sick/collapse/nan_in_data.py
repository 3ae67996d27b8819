"""One batch brings a NaN.

expect: CD401
first: 25
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, batches
from collapse_doctor import Inspector

model = Encoder()
optimizer = torch.optim.Adam(model.parameters())
with Inspector(model) as inspector:
    for i, (x, y) in enumerate(batches(60, 64)):
        x = x.clone()
        if i == 25:
            x[3, 5] = float("nan")
        z = model(x)
        loss = F.mse_loss(z, torch.ones_like(z))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
