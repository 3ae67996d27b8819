"""Logits, attention weights and an empty mask.

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
        self.p = nn.Linear(8, 32)
        self.q = nn.Parameter(torch.randn(1, 1, 32) * 0.02)
        self.a = nn.MultiheadAttention(32, 4, batch_first=True)
        self.c = nn.Linear(32, 10)

    def forward(self, x):
        t = self.p(x.view(-1, 8, 8))
        v, wt = self.a(self.q.expand(len(x), -1, -1), t, t)
        return self.c(v[:, 0]), wt, (t.abs().sum(-1) > 1e9).float()


model = M()
optimizer = torch.optim.Adam(model.parameters(), 0.001)
with Inspector(model) as inspector:
    for x, y in batches(300, 64):
        loss = F.cross_entropy(model(x)[0], y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        inspector.step(loss=loss, labels=y)
diagnosis = inspector.diagnose()
