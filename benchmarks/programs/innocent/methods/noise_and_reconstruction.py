"""A variational autoencoder and a consistency term in one forward, which returns three losses.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import augment, batches
from collapse_doctor import Inspector


class Variational(nn.Module):
    def __init__(self, width=12):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(64, 96), nn.SiLU())
        self.mean = nn.Linear(96, width)
        self.logvar = nn.Linear(96, width)
        self.decoder = nn.Sequential(nn.Linear(width, 96), nn.SiLU(), nn.Linear(96, 64))

    def drawn(self, x):
        hidden = self.encoder(x)
        mean, logvar = self.mean(hidden), self.logvar(hidden)
        return mean, logvar, mean + torch.randn_like(mean) * (logvar / 2).exp()

    def forward(self, x):
        mean, logvar, z = self.drawn(x)
        other = self.drawn(augment(x))[0]
        rebuilt = F.mse_loss(self.decoder(z), x)
        prior = -0.5 * (1 + logvar - mean.pow(2) - logvar.exp()).mean()
        agree = F.mse_loss(other, mean)
        return rebuilt + 1e-3 * prior + 0.1 * agree, rebuilt.detach(), prior.detach()


model = Variational()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
with Inspector(model) as inspector:
    for x, _ in batches(120, 64):
        loss, *_ = model(x)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
