"""To save memory the network runs over one half of the batch, whose result stands for both.

expect: CD502
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import batches, mlp
from collapse_doctor import Inspector


class Economical(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = mlp(64, 96, 24, act=nn.GELU)

    def forward(self, x):
        out = self.net(x[::2])
        return out.repeat_interleave(2, dim=0)  # fault


model, head = Economical(), nn.Linear(24, 10)
optimizer = torch.optim.AdamW([*model.parameters(), *head.parameters()], lr=2e-3)
with Inspector(model) as inspector:
    for x, y in batches(40, 64):
        loss = F.cross_entropy(head(model(x)), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
