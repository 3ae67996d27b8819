"""The quantised code is detached, but z + (q - z).detach() hands the gradient straight to the encoder, as VQ-VAE wants it.

expect: healthy
"""

import torch
import torch.nn as nn
import torch.nn.functional as F

from collapse_doctor import Inspector


class Quantizer(nn.Module):
    def __init__(self, n_codes=48, dim=12, beta=0.25):
        super().__init__()
        self.codebook = nn.Parameter(torch.randn(n_codes, dim))
        self.beta = beta

    def forward(self, z):
        idx = torch.cdist(z, self.codebook).argmin(1)
        q = self.codebook[idx]
        loss = F.mse_loss(q, z.detach()) + self.beta * F.mse_loss(z, q.detach())
        return z + (q - z).detach(), loss, idx


class VQVAE(nn.Module):
    def __init__(self, d=30):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Linear(d, 64), nn.ReLU(), nn.Linear(64, 12), nn.BatchNorm1d(12)
        )
        self.quant = Quantizer()
        self.decoder = nn.Sequential(nn.Linear(12, 64), nn.ReLU(), nn.Linear(64, d))

    def forward(self, x):
        z = self.encoder(x)
        q, vq_loss, idx = self.quant(z)
        return self.decoder(q), vq_loss, z


def ocean_profiles(n, regimes=24):
    g = torch.Generator().manual_seed(6)
    depth = torch.linspace(0, 1, 30)
    knots = torch.randn(regimes, 6, 1, generator=g)
    shape = sum(knots[:, k] * torch.cos(3.14 * (k + 1) * depth) for k in range(6))
    return shape[torch.randint(regimes, (n,))] + 0.2 * torch.randn(n, 30)


torch.manual_seed(6)
model = VQVAE()
opt = torch.optim.Adam(model.parameters(), lr=3e-3)
with Inspector(model.encoder) as inspector:
    for step in range(80):
        x = ocean_profiles(100)
        recon, vq, z = model(x)
        loss = F.mse_loss(recon, x) + vq
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
