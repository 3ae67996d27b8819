"""A Wasserstein critic with spectral norm.

expect: healthy
"""

import torch
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from collapse_doctor import Inspector

critic = nn.Sequential(
    spectral_norm(nn.Linear(8, 48)), nn.LeakyReLU(0.2), spectral_norm(nn.Linear(48, 16))
)
score = nn.Linear(16, 1)
optimizer = torch.optim.Adam([*critic.parameters(), *score.parameters()], lr=2e-3)
with Inspector(critic) as inspector:
    for _ in range(50):
        real = torch.randn(64, 8) + 1
        fake = 1.5 * torch.randn(64, 8)
        loss = score(critic(fake)).mean() - score(critic(real)).mean()
        loss = loss + 0.01 * score.weight.pow(2).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
