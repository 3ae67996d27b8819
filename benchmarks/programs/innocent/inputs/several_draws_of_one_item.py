"""An importance-weighted autoencoder takes many draws for one picture: all rows that enter are it.

expect: healthy
"""

import torch
from torch import nn

from benchmarks.programs.common import DIGITS
from collapse_doctor import Inspector


class Sampler(nn.Module):
    def __init__(self, latent=12):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(64, 64), nn.Tanh())
        self.mean, self.log = nn.Linear(64, latent), nn.Linear(64, latent)

    def forward(self, x):
        h = self.body(x)
        mean, log = self.mean(h), self.log(h)
        return mean + (0.5 * log).exp() * torch.randn_like(mean)


encoder, decoder = Sampler(), nn.Sequential(nn.Linear(12, 64), nn.Tanh(), nn.Linear(64, 64))
opt = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=1e-3)
with Inspector(encoder) as inspector:
    for step in range(60):
        x = DIGITS[step].expand(32, 64)
        z = encoder(x)
        log_weight = -20 * (decoder(z) - x).square().sum(1) - 0.5 * z.square().sum(1)
        loss = -torch.logsumexp(log_weight, dim=0)
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
