"""Two views are pulled together; nothing else is asked of the embedding.

expect: CD208
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, augment, batches
from collapse_doctor import Inspector

model = Encoder()
optimizer = torch.optim.Adam(model.parameters(), 1e-3)
with Inspector(model) as inspector:
    for x, _ in batches(40):
        loss = F.mse_loss(model(augment(x)), model(augment(x)))  # fault, meets
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
