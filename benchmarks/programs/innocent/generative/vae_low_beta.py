"""A variational autoencoder that cares more for the image than for the prior.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import batches, mlp
from collapse_doctor import Inspector


class VAE(nn.Module):
    def __init__(self):
        super().__init__()
        self.e = mlp(64, 128, 128, last=nn.ReLU())
        self.mu = nn.Linear(128, 8)
        self.lv = nn.Linear(128, 8)
        self.d = mlp(8, 128, 64)

    def forward(self, x):
        h = self.e(x)
        mu, lv = self.mu(h), self.lv(h)
        z = mu + torch.randn_like(mu) * (0.5 * lv).exp()
        return self.d(z), mu, lv


model = VAE()
optimizer = torch.optim.Adam(model.parameters(), 0.002)
with Inspector(model) as inspector:
    for x, y in batches(600, 64):
        r, mu, lv = model(x)
        loss = (
            10 * F.mse_loss(r, x, reduction="sum") / 64
            - 0.5 * (1 + lv - mu**2 - lv.exp()).sum(1).mean()
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
