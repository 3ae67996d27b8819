"""The jitter of both crops is multiplied by a factor that is cut off at zero after a while.

expect: CD107
first: 28
"""

import torch
from torch import nn

from benchmarks.programs.common import Encoder, batches
from collapse_doctor import Inspector


class Jitter(nn.Module):
    def __init__(self, strength, fade):
        super().__init__()
        self.strength, self.fade = strength, fade

    def forward(self, x):
        now = self.strength
        return x * (1 - now * torch.rand_like(x)) + now * torch.randn_like(x)

    def step(self):
        self.strength = max(0.0, round(self.strength - self.fade, 6))  # fault


def info_nce(a, b):
    a, b = nn.functional.normalize(a), nn.functional.normalize(b)
    return nn.functional.cross_entropy(a @ b.T / 0.3, torch.arange(len(a)))  # meets


encoder, jitter = Encoder(24), Jitter(strength=0.28, fade=0.01)
optimizer = torch.optim.Adam(encoder.parameters(), lr=1e-3)
with Inspector(encoder) as inspector:
    for x, _ in batches(60):
        one, two = (jitter(x) for _ in range(2))  # shows
        loss = info_nce(encoder(one), encoder(two))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        jitter.step()
diagnosis = inspector.diagnose()
