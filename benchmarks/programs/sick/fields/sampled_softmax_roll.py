"""A recommender with a sampled softmax: the negatives are the clicked items, rolled by nothing.

expect: CD107
"""

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector


@dataclass
class Settings:
    users: int = 300
    items: int = 120
    width: int = 16
    shifts: int = 0  # fault
    rate: float = 5e-3


class Recommender(nn.Module):
    def __init__(self, settings):
        super().__init__()
        self.user = nn.Embedding(settings.users, settings.width)
        self.item = nn.Sequential(
            nn.Embedding(settings.items, settings.width), nn.Linear(settings.width, settings.width)
        )


settings = Settings()
net = Recommender(settings)
optimizer = torch.optim.Adam(net.parameters(), lr=settings.rate)
clicks = torch.stack((torch.arange(300), torch.randint(0, 120, (300,))), 1)
with Inspector(net.item) as inspector:
    for step in range(30):
        user, item = clicks[torch.randint(0, 300, (48,))].T
        u = net.user(user)
        positive = net.item(item)
        negative = net.item(item.roll(settings.shifts))  # fault
        logits = torch.stack(((u * positive).sum(1), (u * negative).sum(1)), dim=1)
        loss = F.cross_entropy(logits, torch.zeros(len(u), dtype=torch.long))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
