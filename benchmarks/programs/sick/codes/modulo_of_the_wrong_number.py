"""Ids are folded into the table by the number of kinds of items, not by that of items.

expect: CD305
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector

ITEMS, KINDS = 500, 3


class ItemTower(nn.Module):
    def __init__(self, items=ITEMS, dim=32):
        super().__init__()
        self.weights = nn.Embedding(items, dim)
        self.project = nn.Sequential(nn.Linear(dim, 64), nn.SiLU(), nn.Linear(64, dim))

    def forward(self, item_ids):
        item_ids = item_ids % KINDS  # fault
        return self.project(self.weights(item_ids))


tower, users = ItemTower(), nn.Embedding(80, 32)
opt = torch.optim.Adam(list(tower.parameters()) + list(users.parameters()), lr=5e-3)
with Inspector({"items": tower}) as inspector:
    for _ in range(30):
        who, what = torch.randint(0, 80, (72,)), torch.randint(0, ITEMS, (72,))
        a, b = F.normalize(users(who), dim=-1), F.normalize(tower(what), dim=-1)
        loss = F.cross_entropy(a @ b.T / 0.1, torch.arange(72))
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
