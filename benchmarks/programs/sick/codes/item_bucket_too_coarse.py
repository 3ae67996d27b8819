"""Item ids are divided by the number of shards instead of taken modulo: a handful of rows serve all.

expect: CD305
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector

ITEMS, SHARDS = 2000, 500


class Items(nn.Module):
    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(SHARDS, 32)
        self.mlp = nn.Sequential(nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 16))

    def forward(self, ids):
        return self.mlp(self.table(ids // SHARDS))  # fault


items, users = Items(), nn.Embedding(300, 16)
opt = torch.optim.Adam([*items.parameters(), *users.parameters()], 5e-3)
with Inspector(items) as inspector:
    for step in range(120):
        u = torch.randint(300, (64,))
        i = (u * 7 + torch.randint(0, 20, (64,))) % ITEMS
        neg = torch.randint(ITEMS, (64,))
        zu, zi, zn = users(u), items(i), items(neg)
        loss = -F.logsigmoid((zu * zi).sum(1) - (zu * zn).sum(1)).mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
