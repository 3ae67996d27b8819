"""A GAN with two optimizers that take turns; the fake batch is detached for the critic.

expect: healthy
"""

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector

G = nn.Sequential(nn.Linear(8, 48), nn.ReLU(), nn.Linear(48, 6))
D = nn.Sequential(nn.Linear(6, 48), nn.LeakyReLU(0.2), nn.Linear(48, 1))
opt_g = torch.optim.Adam(G.parameters(), lr=1e-3, betas=(0.5, 0.99))
opt_d = torch.optim.Adam(D.parameters(), lr=1e-3, betas=(0.5, 0.99))
mixing = torch.randn(6, 6)

with Inspector({"generator": G, "critic": D}) as inspector:
    for _ in range(60):
        real = torch.randn(64, 6) @ mixing
        fake = G(torch.randn(64, 8))
        d_loss = F.softplus(-D(real)).mean() + F.softplus(D(fake.detach())).mean()
        opt_d.zero_grad()
        d_loss.backward()
        opt_d.step()
        g_loss = F.softplus(-D(fake)).mean()
        opt_g.zero_grad()
        g_loss.backward()
        opt_g.step()

diagnosis = inspector.diagnose()
