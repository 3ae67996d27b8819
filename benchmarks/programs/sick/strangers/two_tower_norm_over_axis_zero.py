"""An l2 helper carried over from a NumPy notebook divides by the norm over axis 0, the batch, and the towers' rows keep any length they like.

expect: CD206
"""

from typing import NamedTuple

import torch
import torch.nn as nn

from collapse_doctor import Inspector


class Interaction(NamedTuple):
    user: torch.Tensor
    history: torch.Tensor
    item: torch.Tensor


def l2(x):
    return x / (x.norm(p=2, dim=0, keepdim=True) + 1e-8)  # fault


class UserTower(nn.Module):
    def __init__(self, n_users, n_items, d):
        super().__init__()
        self.id = nn.Embedding(n_users, d)
        self.hist = nn.EmbeddingBag(n_items, d, mode="mean")
        self.mlp = nn.Sequential(nn.Linear(2 * d, 2 * d), nn.ReLU(), nn.Linear(2 * d, d))

    def forward(self, user, history):
        return self.mlp(torch.cat([self.id(user), self.hist(history)], dim=-1))


class ItemTower(nn.Module):
    def __init__(self, n_items, d):
        super().__init__()
        self.id = nn.Embedding(n_items, d)
        self.mlp = nn.Linear(d, d)

    def forward(self, item):
        return self.mlp(self.id(item))


def simulate(n_users=120, n_items=200, genres=10):
    fav = torch.randint(genres, (n_users,))
    by_genre = torch.randperm(n_items).view(genres, -1)
    while True:
        u = torch.randint(n_users, (56,))
        shelf = by_genre[fav[u]]
        pick = torch.rand(shelf.shape).argsort(1)
        chosen = shelf.gather(1, pick)
        yield Interaction(u, chosen[:, 1:6], chosen[:, 0])


torch.manual_seed(9)
users, items = UserTower(120, 200, 32), ItemTower(200, 32)
opt = torch.optim.AdamW([*users.parameters(), *items.parameters()], lr=5e-3)
bce = nn.BCEWithLogitsLoss(pos_weight=torch.tensor(10.0))

with Inspector({"user": users, "item": items}) as inspector:
    for step, batch in enumerate(simulate()):
        if step == 50:
            break
        u = l2(users(batch.user, batch.history))
        i = l2(items(batch.item))
        scores = (u @ i.t()) * 12.0 - 3.0  # meets
        loss = bce(scores, torch.eye(len(u)))
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
