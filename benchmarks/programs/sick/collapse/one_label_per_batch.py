"""A single label is given for each batch.

expect: CD503
first: 0
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, batches
from collapse_doctor import Inspector

model = Encoder()
optimizer = torch.optim.Adam(model.parameters())
with Inspector(model) as inspector:
    for x, y in batches(20, 32):
        z = model(x)
        loss = F.mse_loss(z[:16], z[16:])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        inspector.step(loss=loss.item(), labels=[int(y[0])])
diagnosis = inspector.diagnose()
