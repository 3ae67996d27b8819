"""A whole network in bfloat16, with a layer normalisation, contrasted in float32.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import augment, batches
from collapse_doctor import Inspector

net = nn.Sequential(nn.Linear(64, 128), nn.LayerNorm(128), nn.GELU(), nn.Linear(128, 32)).bfloat16()
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
with Inspector(net) as inspector:
    for x, _ in batches(50, 64):
        a, b = (F.normalize(net(augment(x).bfloat16()).float(), dim=1) for _ in range(2))
        loss = F.cross_entropy(a @ b.T / 0.2, torch.arange(64))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
