"""Contrast at a high temperature, which needs few directions: the rank falls early and settles.

expect: healthy
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import augment, batches, mlp
from collapse_doctor import Inspector

net = mlp(64, 128, 64)
opt = torch.optim.SGD(net.parameters(), lr=0.3, momentum=0.9)
with Inspector(net) as inspector:
    for x, _ in batches(600, 64):
        a, b = F.normalize(net(augment(x))), F.normalize(net(augment(x)))
        loss = F.cross_entropy(a @ b.T / 0.5, torch.arange(len(x)))
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
