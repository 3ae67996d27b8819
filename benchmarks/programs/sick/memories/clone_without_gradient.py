"""A clone made without gradient is kept for the next step.

expect: CD106
first: 1
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, batches
from collapse_doctor import Inspector

model = Encoder()
optimizer = torch.optim.Adam(model.parameters())
prev = None
with Inspector(model) as inspector:
    for i, (x, _) in enumerate(batches()):
        out = model(x)
        if prev is None:
            prev = torch.zeros_like(out)
        loss = F.l1_loss(out, prev)  # meets
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            prev = out.clone()  # fault
diagnosis = inspector.diagnose()
