"""Two towers around one projection each get an encoder of their own; one term is switched off.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector

WEIGHTS = {"contrast": 1.0, "length": 0.0}


class Tower(nn.Module):
    def __init__(self, encoder):
        super().__init__()
        self.encoder = encoder

    def forward(self, x):
        return self.encoder(x)


def encoder():
    return nn.Sequential(nn.Linear(20, 48), nn.ReLU(), nn.Linear(48, 16))


def terms(a, b):
    scores = F.normalize(a, dim=1) @ F.normalize(b, dim=1).T / 0.1
    return {
        "contrast": F.cross_entropy(scores, torch.arange(len(a))),
        "length": a.square().mean(),
    }


users, items = Tower(encoder()), Tower(encoder())
optimizer = torch.optim.Adam([*users.parameters(), *items.parameters()], lr=1e-3)
with Inspector({"users": users, "items": items}) as inspector:
    for _ in range(40):
        x = torch.randn(40, 20)
        found = terms(users(x), items(x + 0.3 * torch.randn_like(x)))
        loss = sum(WEIGHTS[name] * term for name, term in found.items())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
