"""Activation checkpoints, reentrant and not, around dropout.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from benchmarks.programs.common import batches, mlp
from collapse_doctor import Inspector


class Checkpointed(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = mlp(64, 64, 64, last=nn.ReLU())
        self.d = nn.Dropout(0.2)
        self.b = mlp(64, 64, 10)

    def forward(self, x):
        h = checkpoint(lambda t: self.d(self.a(t)), x, use_reentrant=False)
        return checkpoint(self.b, h, use_reentrant=True)


model = Checkpointed()
optimizer = torch.optim.Adam(model.parameters(), 0.001)
with Inspector(model) as inspector:
    for x, y in batches(80, 64):
        loss = F.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        inspector.step(loss=loss, labels=y)
diagnosis = inspector.diagnose()
