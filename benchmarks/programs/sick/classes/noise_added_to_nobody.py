"""The jitter computes a noisy batch and forgets to keep it: `x.add(...)` is no `x.add_(...)`.

expect: CD107
"""

import torch
import torch.nn as nn
import torch.nn.functional as F

from collapse_doctor import Inspector


class Jitter(nn.Module):
    def __init__(self, std=0.2):
        super().__init__()
        self.std = std

    def forward(self, x):
        x.add(self.std * torch.randn_like(x))  # fault
        return x


class SimSiam(nn.Module):
    def __init__(self, encoder, width):
        super().__init__()
        self.encoder, self.jitter = encoder, Jitter()
        self.predictor = nn.Sequential(nn.Linear(width, 16), nn.ReLU(), nn.Linear(16, width))

    def forward(self, x):
        a, b = self.jitter(x), self.jitter(x)
        za, zb = self.encoder(a), self.encoder(b)  # shows
        pa, pb = self.predictor(za), self.predictor(zb)
        return (
            -(F.cosine_similarity(pa, zb.detach()) + F.cosine_similarity(pb, za.detach())).mean()
            / 2
        )


encoder = nn.Sequential(nn.Linear(24, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, 32))
model = SimSiam(encoder, 32)
optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
with Inspector(encoder) as inspector:
    for _ in range(30):
        loss = model(torch.randn(64, 24))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
