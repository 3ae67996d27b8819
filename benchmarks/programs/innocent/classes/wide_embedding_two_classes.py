"""A wide embedding of two classes, trained to the end.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import batches, mlp
from collapse_doctor import Inspector

model = mlp(64, 128, 512)
h = nn.Linear(512, 2)
optimizer = torch.optim.Adam([*model.parameters(), *h.parameters()], 0.001)
with Inspector(model) as inspector:
    for x, y in batches(500, 64):
        loss = F.cross_entropy(h(model(x)), y % 2)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
