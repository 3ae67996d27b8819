"""The cosine of each pair as a batched product of a row and a column.

expect: CD101
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, batches
from collapse_doctor import Inspector

model = Encoder()
optimizer = torch.optim.Adam(model.parameters())
with Inspector(model) as inspector:
    for x, _ in batches():
        u = F.normalize(model(x))
        v = u  # fault
        cos = torch.bmm(u.unsqueeze(1), v.unsqueeze(2)).squeeze()  # meets
        loss = (1 - cos).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
