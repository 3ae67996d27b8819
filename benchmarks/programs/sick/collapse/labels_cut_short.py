"""Three labels are missing in every batch.

expect: CD503
first: 0
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, augment, batches
from collapse_doctor import Inspector

model = Encoder()
optimizer = torch.optim.Adam(model.parameters())
with Inspector(model) as inspector:
    for x, y in batches(20, 32):
        z = model(x)
        loss = F.mse_loss(z, model(augment(x)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        inspector.step(loss=loss, labels=y[:-3])
diagnosis = inspector.diagnose()
