"""Fine-tuning beside an old copy of the backbone, which is frozen for the first 30 steps.

expect: healthy
"""

import copy

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import batches, mlp
from collapse_doctor import Inspector


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.bb = mlp(64, 128, 64)
        self.head = nn.Linear(64, 10)

    def forward(self, x):
        f = self.bb(x)
        return f, self.head(f)


model = Net()
old = copy.deepcopy(model.bb).eval().requires_grad_(False)
optimizer = torch.optim.Adam(model.parameters(), 0.001)
model.bb.requires_grad_(False)
with Inspector(model) as inspector:
    for k, (x, y) in enumerate(batches(100, 64)):
        if k == 30:
            model.bb.requires_grad_(True)
        f, logits = model(x)
        loss = F.cross_entropy(logits, y) + 0.1 * F.mse_loss(f, old(x))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        inspector.step(loss=loss, labels=y)
diagnosis = inspector.diagnose()
