"""A VAE of 32 latents of which the data need six: the others are switched off, as they should be.

expect: healthy
"""

import torch
from torch import nn
from torch.distributions import Normal, kl_divergence

from collapse_doctor import Inspector

factors = torch.randn(6, 40)


class VAE(nn.Module):
    def __init__(self, z=32):
        super().__init__()
        self.enc = nn.Sequential(nn.Linear(40, 64), nn.ELU(), nn.Linear(64, 2 * z))
        self.dec = nn.Sequential(nn.Linear(z, 64), nn.ELU(), nn.Linear(64, 40))

    def forward(self, x):
        mean, raw = self.enc(x).chunk(2, -1)
        q = Normal(mean, nn.functional.softplus(raw) + 1e-4)
        return self.dec(q.rsample()), mean, q


vae = VAE()
opt = torch.optim.Adam(vae.parameters(), 3e-3)
with Inspector(vae) as inspector:
    for _ in range(500):
        x = torch.randn(64, 6) @ factors + 0.1 * torch.randn(64, 40)
        rec, _, q = vae(x)
        loss = (rec - x).pow(2).sum(1).mean() / 2 + kl_divergence(q, Normal(0, 1)).sum(1).mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
