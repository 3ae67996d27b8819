"""The loss alone is NaN, once.

expect: CD401
first: 12
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, augment, batches
from collapse_doctor import Inspector

model = Encoder()
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
with Inspector(model) as inspector:
    for i, (x, y) in enumerate(batches(30, 64)):
        a = model(augment(x))
        b = model(augment(x))
        loss = F.mse_loss(a, b) if i != 12 else torch.log(F.mse_loss(a, b) * -1)
        optimizer.zero_grad()
        if torch.isfinite(loss):
            loss.backward()
            optimizer.step()
        inspector.step(loss=loss)
diagnosis = inspector.diagnose()
