"""The noise of a diffusion model is predicted.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import batches, mlp
from collapse_doctor import Inspector


class U(nn.Module):
    def __init__(self):
        super().__init__()
        self.n = mlp(65, 128, 128, 64, act=nn.SiLU)

    def forward(self, x, t):
        return self.n(torch.cat([x, t], 1))


model = U()
optimizer = torch.optim.AdamW(model.parameters(), 0.001)
with Inspector(model) as inspector:
    for x, y in batches(500, 128):
        t = torch.rand(128, 1)
        e = torch.randn_like(x)
        loss = F.mse_loss(model((1 - t).sqrt() * x + t.sqrt() * e, t), e)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
