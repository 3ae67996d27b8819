"""The activations overflow half precision.

expect: CD401
first: 0
"""

import torch
from torch import nn

from benchmarks.programs.common import batches
from collapse_doctor import Inspector


class P(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(64, 64)
        self.b = nn.Linear(64, 32)

    def forward(self, x):
        h = (self.a(x) * 30000.0).half()
        return self.b((h * 3).float())


model = P()
optimizer = torch.optim.SGD(model.parameters(), lr=1e-9)
with Inspector(model) as inspector:
    for x, y in batches(10, 64):
        z = model(x)
        loss = z.nan_to_num().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
