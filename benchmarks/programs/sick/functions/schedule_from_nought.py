"""The base rate of a settings class is an integer division: 1 // 1000.

expect: CD202
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector


class Settings:
    rate = 1 // 1000  # fault
    margin = 0.5


def optimizer_for(model, settings):
    return torch.optim.SGD(model.parameters(), lr=settings.rate, momentum=0.9)  # shows


model = nn.Sequential(nn.Linear(14, 40), nn.ReLU(), nn.Linear(40, 12))
optimizer = optimizer_for(model, Settings())
with Inspector(model) as inspector:
    for _ in range(25):
        x = torch.randn(32, 14)
        a, p, n = model(x), model(x + 0.1 * torch.randn_like(x)), model(torch.randn(32, 14))
        loss = F.triplet_margin_loss(a, p, n, margin=Settings.margin)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
