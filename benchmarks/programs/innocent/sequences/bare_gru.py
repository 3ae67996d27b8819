"""A bare nn.GRU of two layers is watched.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import batches
from collapse_doctor import Inspector

model = nn.GRU(8, 24, num_layers=2, dropout=0.2)
h = nn.Linear(24, 10)
optimizer = torch.optim.Adam([*model.parameters(), *h.parameters()], 0.003)
with Inspector(model) as inspector:
    for x, y in batches(120, 50):
        s, hn = model(x.view(-1, 8, 8).transpose(0, 1))
        loss = F.cross_entropy(h(hn[-1]), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        inspector.step(loss=loss, labels=y)
diagnosis = inspector.diagnose()
