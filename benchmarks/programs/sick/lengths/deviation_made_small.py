"""A variance term that asks for small deviations: the hinge is the wrong way round.

expect: CD308
first: gradual
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import augment, batches
from collapse_doctor import Inspector


class Projector(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = nn.Linear(64, 128, bias=False)
        self.norm = nn.BatchNorm1d(128)
        self.outer = nn.Linear(128, 32, bias=False)

    def forward(self, x):
        return self.outer(F.relu(self.norm(self.inner(x))))


net = Projector()
opt = torch.optim.SGD(net.parameters(), lr=0.4)
with Inspector(net) as inspector:
    for x, _ in batches(500, 64):
        a, b = net(augment(x)), net(augment(x))
        hinge = F.relu(a.var(0) - 0.0).sum() + F.relu(b.var(0) - 0.0).sum()
        loss = F.mse_loss(a, b) + hinge / 8
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
