"""A factory builds both towers around the one encoder it was handed.

expect: CD108
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector


class Tower(nn.Module):
    def __init__(self, encoder):
        super().__init__()
        self.encoder = encoder

    def forward(self, x):
        return F.normalize(self.encoder(x), dim=-1)


encoder = nn.Sequential(nn.Linear(20, 48), nn.ReLU(), nn.Linear(48, 16))
users = Tower(encoder)
items = Tower(encoder)  # fault
optimizer = torch.optim.Adam(users.parameters(), lr=1e-3)
with Inspector({"users": users, "items": items}) as inspector:
    for _ in range(25):
        x = torch.randn(40, 20)
        scores = users(x) @ items(x + 0.3 * torch.randn_like(x)).T / 0.1
        loss = F.cross_entropy(scores, torch.arange(40))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
