"""Every third row is an anchor, and by a slip of the offset the positive too.

expect: CD102
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, batches
from collapse_doctor import Inspector

model = Encoder()
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
with Inspector(model) as inspector:
    for x, _ in batches(size=30):
        z = model(x)
        a = z[0::3]
        p = z[0::3]  # fault
        n = z[2::3]
        loss = F.triplet_margin_loss(a, p, n, margin=0.3)  # meets
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
