"""A recommender with biases, early stopping, and metrics of both scores and ratings.

expect: healthy
"""

import math
from dataclasses import dataclass, field

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset, random_split

from collapse_doctor import Inspector


@dataclass
class Config:
    users: int = 120
    items: int = 80
    dim: int = 12
    lr: float = 5e-3
    epochs: int = 4
    patience: int = 2
    history: list = field(default_factory=list)


def ratings(cfg, count=2400):
    u, i = torch.randint(cfg.users, (count,)), torch.randint(cfg.items, (count,))
    p, q = torch.randn(cfg.users, 4), torch.randn(cfg.items, 4)
    r = (3 + (p[u] * q[i]).sum(1) / 2 + 0.2 * torch.randn(count)).clamp(1, 5)
    return TensorDataset(u, i, r)


class Factors(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.user = nn.Embedding(cfg.users, cfg.dim)
        self.item = nn.Embedding(cfg.items, cfg.dim)
        self.user_bias = nn.Embedding(cfg.users, 1)
        self.item_bias = nn.Embedding(cfg.items, 1)
        self.mean = nn.Parameter(torch.tensor(3.0))
        for table in (self.user, self.item):
            nn.init.normal_(table.weight, std=0.1)
        for table in (self.user_bias, self.item_bias):
            nn.init.zeros_(table.weight)

    def forward(self, u, i):
        score = (self.user(u) * self.item(i)).sum(1, keepdim=True)
        bias = self.user_bias(u) + self.item_bias(i) + self.mean
        return (score + bias).squeeze(1)


class EarlyStopping:
    def __init__(self, patience):
        self.patience, self.best, self.bad = patience, math.inf, 0

    def __call__(self, value):
        self.bad = 0 if value < self.best else self.bad + 1
        self.best = min(value, self.best)
        return self.bad >= self.patience


def train_epoch(model, loader, optimizer):
    model.train()
    for u, i, r in loader:
        prediction = model(u, i)
        loss = F.mse_loss(prediction, r)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


@torch.no_grad()
def rmse(model, loader):
    model.eval()
    errors = [(model(u, i).flatten() - r).square() for u, i, r in loader]
    return torch.cat(errors).mean().sqrt().item()


cfg = Config()
train, val = random_split(ratings(cfg), [2000, 400])
loaders = DataLoader(train, 64, shuffle=True), DataLoader(val, 200)
model, stop = Factors(cfg), EarlyStopping(cfg.patience)
optimizer = torch.optim.Adam(model.parameters(), cfg.lr, weight_decay=1e-5)
plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=1)
with Inspector(model) as inspector:
    for _ in range(cfg.epochs):
        train_epoch(model, loaders[0], optimizer)
        cfg.history.append(rmse(model, loaders[1]))
        plateau.step(cfg.history[-1])
        if stop(cfg.history[-1]):
            break
diagnosis = inspector.diagnose()
