"""A loop over the rows compares each row with itself.

expect: CD101
"""

import torch
from torch import nn

from benchmarks.programs.common import Encoder, batches
from collapse_doctor import Inspector

model = Encoder()
optimizer = torch.optim.Adam(model.parameters())
cos = nn.CosineSimilarity(dim=0)
with Inspector(model) as inspector:
    for x, _ in batches(6):
        z = model(x)
        total = 0
        for e in z:
            total = total + (1 - cos(e, e))  # fault, meets
        loss = total / len(z)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
