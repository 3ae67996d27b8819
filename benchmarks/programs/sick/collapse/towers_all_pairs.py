"""Two towers are pulled together over all pairs.

expect: CD205, CD301
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import batches
from collapse_doctor import Inspector

a_, b_ = [nn.Sequential(nn.Linear(64, 96), nn.GELU(), nn.Linear(96, 48)) for _ in range(2)]
optimizer = torch.optim.Adam([*a_.parameters(), *b_.parameters()], 0.02)
with Inspector({"image": a_, "text": b_}) as inspector:
    for x, y in batches(300, 64):
        u = F.normalize(a_(x), dim=1)
        v = F.normalize(b_(x.flip(1)), dim=1)
        loss = 1 - (u @ v.T).mean()  # fault
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
