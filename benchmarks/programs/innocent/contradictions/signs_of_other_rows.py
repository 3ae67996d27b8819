"""Energies of data and of what a chain made of it: drawn down here and up there, other rows each time.

expect: healthy
"""

import torch

from benchmarks.programs.common import batches, mlp
from collapse_doctor import Inspector


def chain(energy, x, steps=3):
    for _ in range(steps):
        x = x.detach().requires_grad_()
        (slope,) = torch.autograd.grad(energy(x).sum(), x)
        x = x - 0.5 * slope + 0.05 * torch.randn_like(x)
    return x.detach()


energy = mlp(64, 64, 1, act=torch.nn.SiLU)
optimizer = torch.optim.Adam(energy.parameters(), lr=1e-3)
with Inspector(energy) as inspector:
    for x, _ in batches(40):
        made = chain(energy, x)
        low, high = energy(x), energy(made)
        loss = low.mean() - high.mean() + 0.1 * (low.square() + high.square()).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
