"""Interactions of a recommender: a batch holds some users many times.

expect: healthy
"""

import torch
from torch import nn

from collapse_doctor import Inspector

users, items = nn.Embedding(120, 16), nn.Embedding(400, 16)
weights = 1.0 / torch.arange(1, 121).float()
opt = torch.optim.Adam([*users.parameters(), *items.parameters()], lr=1e-2)
with Inspector({"users": users, "items": items}) as inspector:
    for _ in range(60):
        u = torch.multinomial(weights, 96, replacement=True)
        good, bad = torch.randint(0, 400, (2, 96)).unbind(0)
        taste = users(u)
        margin = (taste * items(good)).sum(-1) - (taste * items(bad)).sum(-1)
        loss = -nn.functional.logsigmoid(margin).mean() + 1e-4 * taste.square().mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
