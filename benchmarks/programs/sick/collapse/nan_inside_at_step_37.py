"""A logarithm of negative values inside the network, once.

expect: CD401
first: 37
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
        self.n = 0

    def forward(self, x):
        h = F.relu(self.stem(x))
        h = self.mid(h)
        self.n += 1
        if self.n == 38:
            h = torch.log(h)
        return self.out(F.relu(h))


model = Bad()
optimizer = torch.optim.Adam(model.parameters())
with Inspector(model) as inspector:
    for x, y in batches(80, 64):
        a = model(x)
        loss = F.mse_loss(a, a.detach() * 0 + 1)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
