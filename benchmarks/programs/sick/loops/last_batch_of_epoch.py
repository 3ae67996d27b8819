"""Only the last batch of each epoch has nothing to be compared with but itself.

expect: CD101
first: 19
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, augment, batches
from collapse_doctor import Inspector

model = Encoder()
optimizer = torch.optim.Adam(model.parameters())
with Inspector(model) as inspector:
    for epoch in range(3):
        for i, (x, _) in enumerate(batches(20)):
            za = model(augment(x))
            zb = model(augment(x))
            if i == 19:
                zb = za  # fault
            loss = F.mse_loss(za, zb)  # meets
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
diagnosis = inspector.diagnose()
