"""Positive scores of shape (B, 1) against negative ones of shape (B, K), which is meant to broadcast.

expect: healthy
"""

from dataclasses import dataclass

import torch
import torch.nn as nn
import torch.nn.functional as F

from collapse_doctor import Inspector


@dataclass
class Config:
    users: int = 250
    items: int = 350
    dim: int = 16
    negatives: int = 6
    batch: int = 128
    steps: int = 70


class MatrixFactorisation(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.users = nn.Embedding(cfg.users, cfg.dim)
        self.items = nn.Embedding(cfg.items, cfg.dim)
        for e in (self.users, self.items):
            nn.init.normal_(e.weight, std=0.1)

    def forward(self, u, i, j):
        u = self.users(u)
        pos = (u * self.items(i)).sum(-1, keepdim=True)
        neg = torch.einsum("bd,bkd->bk", u, self.items(j))
        return pos, neg


cfg = Config()
affinity = torch.randn(cfg.users, 4) @ torch.randn(4, cfg.items)
liked = affinity.topk(12, dim=1).indices
model = MatrixFactorisation(cfg)
opt = torch.optim.Adam(model.parameters(), lr=0.03)

with Inspector(model) as inspector:
    for step in range(cfg.steps):
        u = torch.randint(cfg.users, (cfg.batch,))
        i = liked[u, torch.randint(12, (cfg.batch,))]
        j = torch.randint(cfg.items, (cfg.batch, cfg.negatives))
        pos, neg = model(u, i, j)
        loss = F.softplus(neg - pos).mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
        if step % 14 == 0:
            print(step, f"{loss.item():.4f}")
diagnosis = inspector.diagnose()
