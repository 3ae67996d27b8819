"""A divergence and an absolute difference to the detached output.

expect: CD103
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, batches
from collapse_doctor import Inspector

model = Encoder()
optimizer = torch.optim.Adam(model.parameters())
with Inspector(model) as inspector:
    for x, _ in batches(6):
        z = model(x)
        t = z.detach()  # fault
        loss = F.kl_div(F.log_softmax(z, 1), F.softmax(t, 1), reduction="batchmean")  # meets
        loss = loss + (z - t).abs().mean()  # meets
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
