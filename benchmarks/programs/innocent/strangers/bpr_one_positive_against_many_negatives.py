"""Positive scores (B, 1) meet negative scores (B, K): the broadcast is meant, one positive against K negatives of the same user.

expect: healthy
"""

import torch
import torch.nn as nn
import torch.nn.functional as F

from collapse_doctor import Inspector


class Recommender(nn.Module):
    def __init__(self, users, items, dim=24):
        super().__init__()
        self.users = nn.Embedding(users, dim)
        self.items = nn.Embedding(items, dim)
        self.bias = nn.Embedding(items, 1)
        for w in (self.users.weight, self.items.weight):
            nn.init.normal_(w, std=0.3)
        nn.init.zeros_(self.bias.weight)

    def forward(self, user, items):
        u = self.users(user).unsqueeze(1)
        v = self.items(items)
        return (u * v).sum(-1) + self.bias(items).squeeze(-1)


class Sampler:
    def __init__(self, users=150, items=180, groups=9):
        self.n_users, self.n_items = users, items
        self.user_group = torch.arange(users) % groups
        self.item_group = torch.arange(items) % groups

    def __call__(self, size, k):
        u = torch.randint(self.n_users, (size,))
        match = (self.item_group == self.user_group[u].unsqueeze(1)).float()
        pos = torch.multinomial(match, 1)
        neg = torch.multinomial(1 - match + 0.02, k)
        return u, pos, neg


def train(model, sampler, steps=60, k=8, l2=1e-4):
    opt = torch.optim.Adam(model.parameters(), lr=0.02)
    with Inspector({"user": model.users, "item": model.items}) as inspector:
        for _ in range(steps):
            u, pos, neg = sampler(128, k)
            diff = model(u, pos) - model(u, neg)
            loss = -F.logsigmoid(diff).mean()
            loss = loss + l2 * (model.users(u).pow(2).sum() + model.items(pos).pow(2).sum()) / len(
                u
            )
            opt.zero_grad()
            loss.backward()
            opt.step()
    return inspector.diagnose()


torch.manual_seed(33)
sampler = Sampler()
diagnosis = train(Recommender(sampler.n_users, sampler.n_items), sampler)
