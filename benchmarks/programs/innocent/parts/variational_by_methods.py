"""A variational autoencoder of which only ``encode`` and ``decode`` are called.

expect: healthy
"""

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector


class Vae(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(64, 128), nn.ReLU())
        self.mean = nn.Linear(128, 8)
        self.log_variance = nn.Linear(128, 8)
        self.decoder = nn.Sequential(nn.Linear(8, 128), nn.ReLU(), nn.Linear(128, 64))

    def encode(self, x):
        hidden = self.trunk(x)
        return self.mean(hidden), self.log_variance(hidden)

    def decode(self, z):
        return torch.sigmoid(self.decoder(z))


X = torch.tensor(load_digits().data).float() / 16
vae = Vae()
opt = torch.optim.Adam(vae.parameters(), 1e-3)
with Inspector(vae) as inspector:
    for _ in range(200):
        x = X[torch.randint(len(X), (64,))]
        mean, log_variance = vae.encode(x)
        z = mean + torch.randn_like(mean) * (log_variance / 2).exp()
        fit = F.mse_loss(vae.decode(z), x, reduction="sum") / len(x)
        kl = -0.5 * (1 + log_variance - mean**2 - log_variance.exp()).sum(1).mean()
        opt.zero_grad()
        (fit + 0.1 * kl).backward()
        opt.step()
diagnosis = inspector.diagnose()
