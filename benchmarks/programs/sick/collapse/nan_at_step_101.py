"""A division by zero inside the network, once, late.

expect: CD401
first: 101
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import batches
from collapse_doctor import Inspector


class Bad(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Linear(64, 64)
        self.mid = nn.Linear(64, 64)
        self.out = nn.Linear(64, 32)
        self.n = -1

    def forward(self, x):
        self.n += 1
        h = F.relu(self.stem(x))
        h = self.mid(h)
        if self.n == 101:
            h = h / torch.zeros_like(h) * 0
        return self.out(h)


model = Bad()
optimizer = torch.optim.Adam(model.parameters())
with Inspector(model) as inspector:
    for x, y in batches(160, 64):
        a = model(x)
        loss = a.pow(2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        inspector.step(loss=loss)
diagnosis = inspector.diagnose()
