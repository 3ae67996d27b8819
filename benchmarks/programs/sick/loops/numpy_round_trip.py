"""The target went through NumPy and back, over the same memory.

expect: CD102
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, batches
from collapse_doctor import Inspector

model = Encoder()
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
with Inspector(model) as inspector:
    for x, _ in batches():
        z = model(x)
        other = torch.from_numpy(z.detach().numpy())  # fault
        loss = F.smooth_l1_loss(z, other)  # meets
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
