"""The catalogue is embedded once, detached, at the first step "for speed"; users train for ever against those old item vectors.

expect: CD106
first: 1
"""

import torch
import torch.nn as nn
import torch.nn.functional as F

from collapse_doctor import Inspector


class ItemTower(nn.Module):
    def __init__(self, n_genres, width):
        super().__init__()
        self.mlp = nn.Sequential(nn.Linear(18, 48), nn.ReLU(), nn.Linear(48, width))
        self.genre = nn.Linear(width, n_genres)

    def forward(self, content):
        return self.mlp(content)


class UserTower(nn.Module):
    def __init__(self, users, width):
        super().__init__()
        self.id = nn.Embedding(users, 32)
        self.out = nn.Linear(32, width)

    def forward(self, users):
        return self.out(self.id(users))


class Recommender:
    def __init__(self, users=300, width=22):
        torch.manual_seed(8)
        self.content = torch.randn(180, 18)
        self.genre = self.content[:, :7].argmax(1)
        self.liked = torch.randint(0, 7, (users,))
        self.towers = {"user": UserTower(users, width), "item": ItemTower(7, width)}
        params = [p for t in self.towers.values() for p in t.parameters()]
        self.optimizer = torch.optim.Adam(params, lr=5e-3)
        self.item_cache = None

    def item_vectors(self):
        if self.item_cache is None:  # fault
            self.item_cache = self.towers["item"](self.content).detach()  # fault
        return self.item_cache

    def interactions(self, n):
        users = torch.randint(0, len(self.liked), (n,))
        fits = (self.genre[None, :] == self.liked[users][:, None]).float() + 0.01
        return users, torch.multinomial(fits, 1).squeeze(1)

    def train_step(self):
        users, items = self.interactions(64)
        u = F.normalize(self.towers["user"](users), dim=-1)
        v = F.normalize(self.item_vectors()[items], dim=-1)
        match = 1 - (u * v).sum(-1)  # meets
        clash = F.relu((u * v[torch.randperm(64)]).sum(-1) - 0.1)
        some = torch.randint(0, 180, (48,))
        genre_logits = self.towers["item"].genre(self.towers["item"](self.content[some]))
        loss = (match + clash).mean() + F.cross_entropy(genre_logits, self.genre[some])
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss.item()


rec = Recommender()
with Inspector(rec.towers) as inspector:
    losses = [rec.train_step() for _ in range(60)]
print("first", losses[0], "last", losses[-1])
diagnosis = inspector.diagnose()
