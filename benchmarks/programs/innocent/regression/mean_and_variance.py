"""Mean and variance of a Gaussian.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import batches, mlp
from collapse_doctor import Inspector


class Gaussian(nn.Module):
    def __init__(self):
        super().__init__()
        self.f = mlp(16, 64, 64, last=nn.ReLU())
        self.mu = nn.Linear(64, 1)
        self.lv = nn.Linear(64, 1)

    def forward(self, x):
        h = self.f(x)
        return self.mu(h), self.lv(h)


x = torch.randn(2000, 16)
y = x[:, :1] + 0.05 * torch.randn(2000, 1)
model = Gaussian()
optimizer = torch.optim.Adam(model.parameters(), 0.003)
with Inspector(model) as inspector:
    for a, b in batches(800, 64, x, y):
        mu, lv = model(a)
        loss = F.gaussian_nll_loss(mu, b, lv.exp())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
