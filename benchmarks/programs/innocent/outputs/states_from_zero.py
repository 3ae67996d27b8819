"""All states of a recurrent cell are returned, the zero at the start among them.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import batches
from collapse_doctor import Inspector


class M(nn.Module):
    def __init__(self):
        super().__init__()
        self.r = nn.GRUCell(8, 24)
        self.c = nn.Linear(24, 10)

    def forward(self, x):
        h = torch.zeros(len(x), 24)
        hs = [h]
        for t in range(8):
            h = self.r(x[:, 8 * t : 8 * t + 8], h)
            hs.append(h)
        return self.c(h), hs


model = M()
optimizer = torch.optim.Adam(model.parameters(), 0.001)
with Inspector(model) as inspector:
    for x, y in batches(120, 64):
        loss = F.cross_entropy(model(x)[0], y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        inspector.step(loss=loss, labels=y)
diagnosis = inspector.diagnose()
