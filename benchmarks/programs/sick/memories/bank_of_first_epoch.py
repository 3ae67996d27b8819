"""A bank is filled in the first epoch, and is the only target in all that follow.

expect: CD106
first: 20
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, augment, batches
from collapse_doctor import Inspector

model = Encoder()
optimizer = torch.optim.Adam(model.parameters())
bank = []
with Inspector(model) as inspector:
    epoch = list(batches(20))
    for ep in range(3):
        for i, (x, _) in enumerate(epoch):
            z = model(x)
            if ep == 0:
                loss = F.mse_loss(model(augment(x)), z)
                bank.append(z.detach())  # fault
            else:
                loss = F.mse_loss(z, bank[i])  # meets
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
diagnosis = inspector.diagnose()
