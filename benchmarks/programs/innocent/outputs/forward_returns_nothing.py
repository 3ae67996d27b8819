"""forward() keeps the loss and returns nothing.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import batches, mlp
from collapse_doctor import Inspector


class M(nn.Module):
    def __init__(self):
        super().__init__()
        self.n = mlp(64, 32, 10)
        self.loss = None

    def forward(self, x, y):
        self.loss = F.cross_entropy(self.n(x), y)


model = M()
optimizer = torch.optim.SGD(model.parameters(), 0.1)
with Inspector(model) as inspector:
    for x, y in batches(40, 32):
        model(x, y)
        optimizer.zero_grad()
        model.loss.backward()
        optimizer.step()
        inspector.step(loss=model.loss, labels=y)
diagnosis = inspector.diagnose()
