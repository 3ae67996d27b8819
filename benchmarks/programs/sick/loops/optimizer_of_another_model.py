"""The model is made again after the optimizer took its parameters.

expect: CD202
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, augment, batches
from collapse_doctor import Inspector

model = Encoder()
optimizer = torch.optim.Adam(model.parameters(), 1e-3)
model = Encoder(width=16)  # fault
with Inspector(model) as inspector:
    for x, y in batches(40):
        z = F.normalize(model(torch.cat([augment(x), augment(x)])), dim=1)
        first, second = z.chunk(2)
        loss = F.cross_entropy(first @ second.T / 0.2, torch.arange(len(x)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        inspector.step(loss=loss, labels=y)
diagnosis = inspector.diagnose()
