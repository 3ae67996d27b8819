"""A method inside what steps it: both forwards give a loss, which stays where it is at collapse.

expect: CD207
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector


class Contrast(nn.Module):
    def __init__(self, temperature=0.001):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(33, 66), nn.ReLU(), nn.Linear(66, 22))
        self.temperature = temperature

    def forward(self, query, key):
        q = F.normalize(self.encoder(query), dim=-1)
        k = F.normalize(self.encoder(key), dim=-1)
        scores = q @ k.T * self.temperature  # fault # meets
        return F.cross_entropy(scores, torch.arange(len(scores)))


class Stepper(nn.Module):
    def __init__(self, method):
        super().__init__()
        self.method = method

    def forward(self, x):
        loss = self.method(x + 0.3 * torch.randn_like(x), x + 0.3 * torch.randn_like(x))
        return loss, {"loss": loss.item()}


stepper, base = Stepper(Contrast()), torch.randn(150, 33)
optimizer = torch.optim.Adam(stepper.parameters(), lr=1e-3)
with Inspector(stepper) as inspector:
    for _ in range(60):
        loss, _ = stepper(base[torch.randperm(150)[:64]])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
