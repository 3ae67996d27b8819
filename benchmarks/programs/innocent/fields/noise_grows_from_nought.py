"""An energy is to rise with noise, which grows from nought over the first steps.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import batches, mlp
from collapse_doctor import Inspector

energy = nn.Sequential(mlp(64, 64, 24), nn.ReLU(), nn.Linear(24, 1), nn.Flatten(0))
optimizer = torch.optim.Adam(energy.parameters(), lr=1e-3)
with Inspector(energy[0]) as inspector:
    for step, (x, _) in enumerate(batches(80)):
        strength = max(0, step - 12) / 60
        noisy = x + strength * torch.randn_like(x)
        rise = energy(noisy) - energy(x)
        loss = F.softplus(1 - rise).mean() + 0.01 * energy(x).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
