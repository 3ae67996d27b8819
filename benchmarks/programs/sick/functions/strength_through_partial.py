"""An augmentation bound by partial to a strength of nought.

expect: CD107
"""

from functools import partial

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector


def blur(x, strength=0.5):
    neighbours = (x.roll(1, -1) + x.roll(-1, -1)) / 2
    return torch.lerp(x, neighbours * torch.rand(len(x), 1), strength)


augmentations = {
    "weak": partial(blur, strength=0.1),
    "strong": partial(blur, strength=0.0),
}  # fault


def epoch(model, optimizer, data, kind):
    for rows in data.split(40):
        a, b = (model(augmentations[kind](rows)) for _ in range(2))  # shows
        a, b = F.normalize(a, dim=1), F.normalize(b, dim=1)
        loss = F.cross_entropy(a @ b.T / 0.2, torch.arange(len(rows)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


model = nn.Sequential(nn.Linear(32, 64), nn.ReLU(), nn.Linear(64, 24))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
with Inspector(model) as inspector:
    for _ in range(4):
        epoch(model, optimizer, torch.randn(240, 32), "strong")
diagnosis = inspector.diagnose()
