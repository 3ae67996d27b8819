"""A recurrent encoder is pulled to its neighbours in the batch.

expect: CD208, CD301
first: gradual
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import batches
from collapse_doctor import Inspector


class S(nn.Module):
    def __init__(self):
        super().__init__()
        self.g = nn.GRU(8, 64, batch_first=True)
        self.o = nn.Linear(64, 48)

    def forward(self, x):
        o, h = self.g(x.view(-1, 8, 8))
        return self.o(h[-1])


model = S()
optimizer = torch.optim.Adam(model.parameters(), 0.002)
with Inspector(model) as inspector:
    for x, y in batches(300, 64):
        a = model(x)
        loss = F.mse_loss(F.normalize(a, dim=1), F.normalize(a.roll(1, 0), dim=1))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
