"""Classification with centres kept in a buffer.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import batches, mlp
from collapse_doctor import Inspector


class N(nn.Module):
    def __init__(self):
        super().__init__()
        self.f = mlp(64, 64, 32)
        self.fc = nn.Linear(32, 10)
        self.register_buffer("c", torch.randn(10, 32))

    def forward(self, x):
        z = self.f(x)
        return z, self.fc(z)


model = N()
optimizer = torch.optim.Adam(model.parameters(), 0.001)
with Inspector(model) as inspector:
    for x, y in batches(300, 64):
        z, g = model(x)
        loss = F.cross_entropy(g, y) + 0.05 * F.mse_loss(z, model.c[y])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        inspector.step(loss=loss, labels=y)
        with torch.no_grad():
            for c in y.unique():
                model.c[c] += 0.5 * (z[y == c].mean(0) - model.c[c])
diagnosis = inspector.diagnose()
