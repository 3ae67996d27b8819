"""All goes through a single unit.

expect: CD302
first: gradual
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import augment, batches
from collapse_doctor import Inspector


class BN1(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(64, 1)
        self.b = nn.Linear(1, 64)

    def forward(self, x):
        return self.b(torch.tanh(self.a(x)))


model = BN1()
optimizer = torch.optim.Adam(model.parameters())
with Inspector(model) as inspector:
    for x, y in batches(300, 64):
        a = model(augment(x))
        b = model(augment(x))
        loss = F.cross_entropy(a @ b.T, torch.arange(len(a)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
