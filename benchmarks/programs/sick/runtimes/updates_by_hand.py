"""No optimizer: gradients are taken and applied by hand.

expect: CD101
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, batches
from collapse_doctor import Inspector

model = Encoder()
with Inspector(model) as inspector:
    for x, y in batches():
        z = model(x)
        w = z  # fault
        loss = F.mse_loss(z, w)  # meets
        g = torch.autograd.grad(loss, list(model.parameters()))
        with torch.no_grad():
            for p, q in zip(model.parameters(), g):
                p -= 0.1 * q
        inspector.step(loss=loss, labels=y)
diagnosis = inspector.diagnose()
