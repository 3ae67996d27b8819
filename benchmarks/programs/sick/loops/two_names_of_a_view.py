"""The two views are two names of one batch.

expect: CD107
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, batches
from collapse_doctor import Inspector

model = Encoder()
optimizer = torch.optim.Adam(model.parameters())
with Inspector(model) as inspector:
    for x, _ in batches():
        v1 = x
        v2 = x  # fault
        loss = F.mse_loss(model(v1), model(v2))  # fault, meets
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
