"""Retrieval in batches with repeated items: the target of a repeated one is its first place.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector

users, items = nn.Linear(20, 24), nn.Sequential(nn.Linear(20, 48), nn.ReLU(), nn.Linear(48, 24))
optimizer = torch.optim.Adam([*users.parameters(), *items.parameters()], lr=1e-3)
catalogue = torch.randn(60, 20)
with Inspector({"users": users, "items": items}) as inspector:
    for _ in range(50):
        bought = torch.randint(0, 60, (40,))
        u = users(catalogue[bought] + 0.3 * torch.randn(40, 20))
        v = items(catalogue[bought])
        first = (bought[:, None] == bought[None]).int().argmax(1)
        twice = first[None] != torch.arange(40)
        logits = (u @ v.T).masked_fill(twice, float("-inf"))
        loss = F.cross_entropy(logits, first)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
