"""A normalising flow that starts as the identity.

expect: healthy
"""

import torch
from torch import nn

from benchmarks.programs.common import batches, mlp
from collapse_doctor import Inspector


class Coupling(nn.Module):
    def __init__(self):
        super().__init__()
        self.n = mlp(32, 64, 64)
        nn.init.zeros_(self.n[-1].weight)
        nn.init.zeros_(self.n[-1].bias)

    def forward(self, x):
        a, b = x.chunk(2, 1)
        shift, scale = self.n(a).chunk(2, 1)
        return torch.cat([b * scale.tanh().exp() + shift, a], 1), scale.tanh().sum(1)


class Flow(nn.Module):
    def __init__(self):
        super().__init__()
        self.l = nn.ModuleList(Coupling() for _ in range(4))

    def forward(self, x):
        log_det = 0
        for c in self.l:
            x, d = c(x)
            log_det = log_det + d
        return x, log_det


model = Flow()
optimizer = torch.optim.Adam(model.parameters(), 0.001)
with Inspector(model) as inspector:
    for x, y in batches(300, 64):
        z, log_det = model(x + 0.1 * torch.randn_like(x))
        loss = (0.5 * z.pow(2).sum(1) - log_det).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
