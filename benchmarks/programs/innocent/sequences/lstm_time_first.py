"""An LSTM with time first; outputs, state and logits are returned.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import batches
from collapse_doctor import Inspector


class LastState(nn.Module):
    def __init__(self):
        super().__init__()
        self.r = nn.LSTM(8, 32)
        self.c = nn.Linear(32, 10)

    def forward(self, x):
        y, (h, c) = self.r(x.view(-1, 8, 8).transpose(0, 1))
        return y, h[-1], self.c(h[-1])


model = LastState()
optimizer = torch.optim.Adam(model.parameters(), 0.003)
with Inspector(model) as inspector:
    for x, y in batches(150, 63):
        _, _, g = model(x)
        loss = F.cross_entropy(g, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        inspector.step(loss=loss, labels=y)
diagnosis = inspector.diagnose()
