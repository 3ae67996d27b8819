"""Proxies of the classes, learned beside the network.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import batches, mlp
from collapse_doctor import Inspector

model = mlp(64, 128, 64)
proxies = nn.Parameter(torch.randn(10, 64))
optimizer = torch.optim.Adam(
    [{"params": model.parameters()}, {"params": [proxies], "lr": 0.01}], 0.001
)
with Inspector(model) as inspector:
    for x, y in batches(400, 64):
        d = torch.cdist(F.normalize(model(x)), F.normalize(proxies)) ** 2
        loss = F.cross_entropy(-d * 4, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
