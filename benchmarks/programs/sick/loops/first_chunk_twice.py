"""Both views go through in one batch, and the first half is taken out twice.

expect: CD102
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, augment, batches
from collapse_doctor import Inspector

model = Encoder()
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
with Inspector(model) as inspector:
    for x, _ in batches():
        z = model(torch.cat([augment(x), augment(x)]))
        z1 = z.chunk(2)[0]
        z2 = z.chunk(2)[0]  # fault
        loss = F.mse_loss(z1, z2)  # meets
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
