"""A deep copy of the detached embedding is kept for the next step.

expect: CD106
first: 1
"""

import copy

import torch
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, batches
from collapse_doctor import Inspector

model = Encoder()
optimizer = torch.optim.Adam(model.parameters())
prev = None
with Inspector(model) as inspector:
    for x, _ in batches():
        z = model(x)
        loss = 1 - F.cosine_similarity(z, prev).mean() if prev is not None else z.var()  # meets
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        prev = copy.deepcopy(z.detach())  # fault
diagnosis = inspector.diagnose()
