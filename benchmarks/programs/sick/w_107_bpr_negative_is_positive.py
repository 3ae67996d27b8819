"""BPR for a recommender: the sampled negatives are overwritten by the positives.

expect: CD107
"""

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector


class ItemTower(nn.Module):
    def __init__(self, items, dim):
        super().__init__()
        self.table = nn.Embedding(items, dim)
        self.mlp = nn.Sequential(nn.Linear(dim, dim), nn.ReLU(), nn.Linear(dim, dim))

    def forward(self, ids):
        return self.mlp(self.table(ids))


n_users, n_items, dim = 80, 150, 16
users, items = nn.Embedding(n_users, dim), ItemTower(n_items, dim)
optimizer = torch.optim.Adam([*users.parameters(), *items.parameters()], lr=5e-3)
taste = torch.randint(0, 5, (n_users,))


def sample(batch):
    user = torch.randint(0, n_users, (batch,))
    positive = taste[user] * 30 + torch.randint(0, 30, (batch,))
    negative = torch.randint(0, n_items, (batch,))
    negative = positive.clone()  # fault
    return user, positive, negative


with Inspector({"users": users, "items": items}) as inspector:
    for _ in range(40):
        u, i, j = sample(64)
        u_vec, i_vec, j_vec = users(u), items(i), items(j)
        x_uij = (u_vec * i_vec).sum(-1) - (u_vec * j_vec).sum(-1)  # meets
        loss = -F.logsigmoid(x_uij).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
