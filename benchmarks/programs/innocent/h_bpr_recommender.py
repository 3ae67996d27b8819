"""Bayesian personalised ranking with two embedding tables, liked against random items.

expect: healthy
"""

import torch
from torch import nn
from torch.nn.functional import logsigmoid

from collapse_doctor import Inspector


class MF(nn.Module):
    def __init__(self, users, items, d=16):
        super().__init__()
        self.user, self.item = nn.Embedding(users, d), nn.Embedding(items, d)

    def forward(self, u, i, j):
        u = self.user(u)
        return (u * self.item(i)).sum(-1) - (u * self.item(j)).sum(-1)


taste = torch.randn(120, 5) @ torch.randn(5, 80)
liked = taste.topk(8).indices
model = MF(120, 80)
opt = torch.optim.Adam(model.parameters(), lr=0.03)
with Inspector({"users": model.user, "items": model.item}) as inspector:
    for _ in range(60):
        u = torch.randint(0, 120, (256,))
        i = liked[u, torch.randint(0, 8, (256,))]
        loss = -logsigmoid(model(u, i, torch.randint(0, 80, (256,)))).mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
