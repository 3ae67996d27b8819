"""Recommender: item vectors are computed once before the epochs and only users learn.

expect: CD106
first: 1
"""

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector

n_users, n_items = 200, 60
taste = torch.randn(n_users, 6)
kind = torch.randn(n_items, 6)
user_side = torch.cat([taste, torch.randn(n_users, 6)], 1)
item_side = torch.cat([kind, torch.randn(n_items, 6)], 1)
liked = (taste @ kind.T).topk(5).indices


def tower():
    return nn.Sequential(nn.Linear(12, 48), nn.ReLU(), nn.Linear(48, 16))


users, items = tower(), tower()
opt = torch.optim.Adam([*users.parameters(), *items.parameters()], lr=2e-3)

with Inspector({"users": users, "items": items}) as inspector:
    catalogue = items(item_side).detach()  # fault
    for step in range(40):
        u = torch.randint(0, n_users, (64,))
        pos = liked[u, torch.randint(0, 5, (64,))]
        neg = torch.randint(0, n_items, (64,))
        query = users(user_side[u])
        good = F.cosine_similarity(query, catalogue[pos])  # meets
        bad = F.cosine_similarity(query, catalogue[neg])  # meets
        loss = F.softplus(5 * (bad - good)).mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
