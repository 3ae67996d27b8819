"""Under autocast the target is the detached output, cast to full precision.

expect: CD103
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, batches
from collapse_doctor import Inspector

model = Encoder()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
with Inspector(model) as inspector:
    for x, _ in batches():
        with torch.autocast("cpu", dtype=torch.bfloat16):
            z = model(x)
            t = z.detach().float()  # fault
            loss = F.mse_loss(z.float(), t)  # meets
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
