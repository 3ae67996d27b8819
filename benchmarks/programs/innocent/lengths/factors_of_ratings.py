"""Factors of users and items, learnt from inner products for long.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector

USERS, ITEMS, D = 120, 90, 16
taste = torch.randn(USERS, 4) @ torch.randn(4, ITEMS)


class Factors(nn.Module):
    def __init__(self, n):
        super().__init__()
        self.table = nn.Embedding(n, D)
        nn.init.normal_(self.table.weight, std=0.01)

    def forward(self, ids):
        return self.table(ids)


users, items = Factors(USERS), Factors(ITEMS)
opt = torch.optim.Adam([*users.parameters(), *items.parameters()], lr=0.01)
with Inspector({"users": users, "items": items}) as inspector:
    for step in range(1500):
        u, i = torch.randint(USERS, (128,)), torch.randint(ITEMS, (128,))
        score = (users(u) * items(i)).sum(-1)
        loss = F.binary_cross_entropy_with_logits(score, (taste[u, i] > 0).float())
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
