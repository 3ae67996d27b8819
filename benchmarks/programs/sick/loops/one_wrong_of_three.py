"""Three losses on one line, two of which compare a view with itself.

expect: CD101
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, augment, batches
from collapse_doctor import Inspector

model = Encoder()
optimizer = torch.optim.Adam(model.parameters())
with Inspector(model) as inspector:
    for x, _ in batches():
        z1 = model(augment(x))
        z2 = model(augment(x))
        loss = F.mse_loss(z1, z2) + F.mse_loss(z2, z2) + 0.1 * F.mse_loss(z1, z1)  # fault, meets
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
