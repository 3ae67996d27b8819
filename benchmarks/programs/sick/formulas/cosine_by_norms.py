"""The cosine by hand: the product over both lengths.

expect: CD101
"""

import torch

from benchmarks.programs.common import Encoder, batches
from collapse_doctor import Inspector

model = Encoder()
optimizer = torch.optim.Adam(model.parameters())
with Inspector(model) as inspector:
    for x, _ in batches():
        u = model(x)
        v = u  # fault
        cos = (u * v).sum(1) / (u.norm(dim=1) * v.norm(dim=1))  # meets
        loss = (1 - cos).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
