"""Twenty labels per row through a sigmoid.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import batches, mlp
from collapse_doctor import Inspector

model = mlp(64, 64, 20, last=nn.Sigmoid())
optimizer = torch.optim.Adam(model.parameters(), 0.001)
presence = (torch.rand(10, 20) > 0.6).float()
with Inspector(model) as inspector:
    for x, y in batches(200, 64):
        t = presence[y]
        loss = F.binary_cross_entropy(model(x), t)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        inspector.step(loss=loss, labels=t)
diagnosis = inspector.diagnose()
