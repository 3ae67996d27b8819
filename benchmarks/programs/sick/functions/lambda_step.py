"""The whole step is a lambda that compares its argument with itself.

expect: CD101
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, batches
from collapse_doctor import Inspector

model = Encoder()
optimizer = torch.optim.Adam(model.parameters())
step = lambda x: (lambda m: F.mse_loss(m, m) + 0.001 * m.pow(2).mean())(model(x))  # fault, meets
with Inspector(model) as inspector:
    for x, _ in batches():
        loss = step(x)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
