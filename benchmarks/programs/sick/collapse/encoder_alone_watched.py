"""The loss is on a projection; the encoder alone is watched.

expect: CD208, CD301
first: gradual
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import batches
from collapse_doctor import Inspector

enc = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 64))
proj = nn.Linear(64, 32)
optimizer = torch.optim.Adam([*enc.parameters(), *proj.parameters()], 0.02)
with Inspector(enc) as inspector:
    for x, y in batches(400, 64):
        a = proj(enc(x))
        loss = (F.normalize(a, dim=1) - F.normalize(a.roll(1, 0), dim=1)).pow(2).sum(1).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
