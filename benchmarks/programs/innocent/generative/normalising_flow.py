"""A normalising flow that starts as the identity.

expect: healthy
"""

import torch
from torch import nn

from benchmarks.programs.common import batches, mlp
from collapse_doctor import Inspector


class Cp(nn.Module):
    def __init__(self):
        super().__init__()
        self.n = mlp(32, 64, 64)
        nn.init.zeros_(self.n[-1].weight)
        nn.init.zeros_(self.n[-1].bias)

    def forward(self, x):
        a, b = x.chunk(2, 1)
        sh, sc = self.n(a).chunk(2, 1)
        return torch.cat([b * sc.tanh().exp() + sh, a], 1), sc.tanh().sum(1)


class Fl(nn.Module):
    def __init__(self):
        super().__init__()
        self.l = nn.ModuleList(Cp() for _ in range(4))

    def forward(self, x):
        ld = 0
        for c in self.l:
            x, d = c(x)
            ld = ld + d
        return x, ld


model = Fl()
optimizer = torch.optim.Adam(model.parameters(), 0.001)
with Inspector(model) as inspector:
    for x, y in batches(300, 64):
        z, ld = model(x + 0.1 * torch.randn_like(x))
        loss = (0.5 * z.pow(2).sum(1) - ld).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
