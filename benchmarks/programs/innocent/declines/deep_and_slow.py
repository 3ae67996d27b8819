"""A deep plain network that learns slowly: its rank falls far before it comes back.

expect: healthy
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import augment, batches, mlp
from collapse_doctor import Inspector

net = mlp(64, *[96] * 6, 48)
opt = torch.optim.Adam(net.parameters(), lr=2e-4)
with Inspector(net) as inspector:
    for x, _ in batches(500, 64):
        a, b = F.normalize(net(augment(x))), F.normalize(net(augment(x)))
        loss = F.cross_entropy(a @ b.T / 0.1, torch.arange(len(x)))
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
