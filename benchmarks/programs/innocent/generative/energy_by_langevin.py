"""An energy-based model: negatives by Langevin dynamics from a replay buffer, gradients of inputs.

expect: healthy
"""

import torch
from torch import nn

from collapse_doctor import Inspector


def real(n):
    a = torch.randint(8, (n,)) * torch.pi / 4
    return torch.stack([a.cos(), a.sin()], 1) * 2 + 0.1 * torch.randn(n, 2)


energy = nn.Sequential(nn.Linear(2, 64), nn.SiLU(), nn.Linear(64, 64), nn.SiLU(), nn.Linear(64, 1))
opt = torch.optim.Adam(energy.parameters(), lr=2e-3, betas=(0.0, 0.999))
buffer = torch.rand(256, 2) * 6 - 3


def langevin(x, steps=8):
    energy.requires_grad_(False)
    x = x.clone()
    for _ in range(steps):
        x.requires_grad_(True)
        (g,) = torch.autograd.grad(energy(x).sum(), x)
        x = (x - 0.1 * g + 0.05 * torch.randn_like(x)).detach().clamp(-4, 4)
    energy.requires_grad_(True)
    return x


with Inspector(energy) as inspector:
    for _ in range(120):
        rows = torch.randint(256, (64,))
        start = buffer[rows]
        fresh = torch.rand(64, 1) < 0.05
        start = torch.where(fresh, torch.rand(64, 2) * 6 - 3, start)
        fake = langevin(start)
        buffer[rows] = fake
        e_real, e_fake = energy(real(64)), energy(fake)
        loss = (e_real - e_fake).mean() + 0.1 * (e_real**2 + e_fake**2).mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
