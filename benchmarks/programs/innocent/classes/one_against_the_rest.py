"""One class against the rest, with a ReLU at the end.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import batches
from collapse_doctor import Inspector

model = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU())
h = nn.Linear(64, 2)
optimizer = torch.optim.AdamW([*model.parameters(), *h.parameters()], 0.003)
with Inspector(model) as inspector:
    for x, y in batches(600, 64):
        loss = F.cross_entropy(h(model(x)), (y == 3).long())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        inspector.step(loss=loss, labels=y == 3)
diagnosis = inspector.diagnose()
