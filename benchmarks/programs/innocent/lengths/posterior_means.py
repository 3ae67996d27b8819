"""The means of a variational autoencoder, of which some coordinates are not needed.

expect: healthy
"""

import torch
from torch import nn

from benchmarks.programs.common import batches, mlp
from collapse_doctor import Inspector


class Posterior(nn.Module):
    def __init__(self, latent=24):
        super().__init__()
        self.body = mlp(64, 128, 2 * latent)

    def forward(self, x):
        return self.body(x).chunk(2, dim=-1)


posterior, decoder = Posterior(), mlp(24, 128, 64)
optimizer = torch.optim.Adam([*posterior.parameters(), *decoder.parameters()], 2e-3)
with Inspector(posterior) as inspector:
    for x, _ in batches(800, 64):
        mean, log_variance = posterior(8 * x)
        z = mean + torch.randn_like(mean) * (0.5 * log_variance).exp()
        rebuilt = (decoder(z) - x).pow(2).sum(1).mean() * 10
        divergence = 0.5 * (mean.pow(2) + log_variance.exp() - 1 - log_variance).sum(1).mean()
        loss = rebuilt + divergence
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
