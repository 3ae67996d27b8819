"""Ids are scaled to [0, 1) for another model, and cast to whole numbers for this one.

expect: CD501
"""

import torch
from torch import nn

from collapse_doctor import Inspector

USERS, ITEMS = 200, 300


class Towers(nn.Module):
    def __init__(self):
        super().__init__()
        self.users = nn.Embedding(USERS, 24)

    def forward(self, user):
        return self.users(user)


towers, items = Towers(), nn.Embedding(ITEMS, 24)
optimizer = torch.optim.Adagrad([*towers.parameters(), *items.parameters()], lr=0.1)
with Inspector(towers) as inspector:
    for _ in range(40):
        user = torch.randint(0, USERS, (64,)) / USERS
        liked, other = torch.randint(0, ITEMS, (2, 64)).unbind(0)
        u = towers(user.long())  # fault
        score = (u * items(liked)).sum(1) - (u * items(other)).sum(1)
        loss = nn.functional.softplus(-score).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
