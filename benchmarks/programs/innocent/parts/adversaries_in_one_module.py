"""A generator and its critic in one module that is never called itself, two optimizers.

expect: healthy
"""

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector


class Gan(nn.Module):
    def __init__(self):
        super().__init__()
        self.generator = nn.Sequential(
            nn.Linear(16, 64), nn.ReLU(), nn.Linear(64, 64), nn.Sigmoid()
        )
        self.critic = nn.Sequential(nn.Linear(64, 64), nn.LeakyReLU(0.2), nn.Linear(64, 1))


X = torch.tensor(load_digits().data).float() / 16
gan = Gan()
first = torch.optim.Adam(gan.generator.parameters(), 1e-3, betas=(0.5, 0.9))
second = torch.optim.Adam(gan.critic.parameters(), 1e-3, betas=(0.5, 0.9))
with Inspector(gan) as inspector:
    for _ in range(150):
        real, noise = X[torch.randint(len(X), (64,))], torch.randn(64, 16)
        fake = gan.generator(noise).detach()
        loss = F.softplus(-gan.critic(real)).mean() + F.softplus(gan.critic(fake)).mean()
        second.zero_grad()
        loss.backward()
        second.step()
        loss = F.softplus(-gan.critic(gan.generator(noise))).mean()
        first.zero_grad()
        loss.backward()
        first.step()
diagnosis = inspector.diagnose()
