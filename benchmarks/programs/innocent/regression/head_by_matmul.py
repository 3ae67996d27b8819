"""A regression head that is a bare parameter.

expect: healthy
"""

import torch
from torch import nn

from benchmarks.programs.common import batches, mlp
from collapse_doctor import Inspector

model = mlp(64, 128, 128)
weights = nn.Parameter(torch.randn(128, 1) * 0.05)
optimizer = torch.optim.Adam([*model.parameters(), weights], 0.001)
with Inspector(model) as inspector:
    for x, y in batches(800, 64):
        loss = ((model(x) @ weights).squeeze(1) - y.float()).pow(2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
