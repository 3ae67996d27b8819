"""The consistency term only pulls two views together and goes towards 0, but the reconstruction needs every coordinate, so nothing collapses.

expect: healthy
"""

import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_digits

from collapse_doctor import Inspector


class ConvAE(nn.Module):
    def __init__(self, code=20):
        super().__init__()
        self.enc = nn.Sequential(
            nn.Conv2d(1, 16, 3, stride=2, padding=1),
            nn.ELU(),
            nn.Conv2d(16, 32, 3, stride=2, padding=1),
            nn.BatchNorm2d(32),
            nn.ELU(),
            nn.Flatten(),
            nn.Linear(128, code),
        )
        self.dec = nn.Sequential(nn.Linear(code, 96), nn.ELU(), nn.Linear(96, 64))

    def forward(self, x):
        z = self.enc(x)
        return z, self.dec(z).view_as(x)


def noisy(x, rng):
    mask = torch.from_numpy(rng.random(x.shape) > 0.15)
    return (x * mask + 0.08 * torch.randn_like(x)).float()


rng = np.random.default_rng(2)
torch.manual_seed(2)
images = torch.from_numpy(load_digits().images / 8.0).float().unsqueeze(1)
images = images - images.mean(0)
ae = ConvAE()
opt = torch.optim.NAdam(ae.parameters(), lr=2e-3)
mse = nn.MSELoss()

with Inspector({"encoder": ae.enc}) as inspector:
    for step in range(70):
        x = images[rng.integers(len(images), size=64)]
        za, ra = ae(noisy(x, rng))
        zb, rb = ae(noisy(x, rng))
        consistency = nn.functional.mse_loss(za, zb)
        loss = mse(ra, x) + mse(rb, x) + 0.05 * consistency
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
