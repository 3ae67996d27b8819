"""Tags of some positions; labels are told for those alone.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import batches
from collapse_doctor import Inspector

model = nn.GRU(8, 16, batch_first=True)
h = nn.Linear(16, 2)
optimizer = torch.optim.Adam([*model.parameters(), *h.parameters()], 0.003)
with Inspector(model) as inspector:
    for x, y in batches(80, 32):
        s, _ = model(x.view(-1, 8, 8))
        t = (x.view(-1, 8, 8).sum(-1) > 2).long()
        mk = torch.rand(32, 8) > 0.4
        loss = F.cross_entropy(h(s)[mk], t[mk])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        inspector.step(loss=loss, labels=t[mk])
diagnosis = inspector.diagnose()
