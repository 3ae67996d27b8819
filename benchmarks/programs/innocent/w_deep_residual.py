"""Thirty-two pre-norm residual blocks: deep, and healthy.

expect: healthy
"""

import torch
from sklearn.datasets import load_digits
from torch import nn

from collapse_doctor import Inspector


class Block(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.f = nn.Sequential(nn.LayerNorm(d), nn.Linear(d, d), nn.GELU(), nn.Linear(d, d))

    def forward(self, x):
        return x + self.f(x)


data = load_digits()
x, y = torch.tensor(data.data, dtype=torch.float32) / 16, torch.tensor(data.target)
tower = nn.Sequential(nn.Linear(64, 32), *[Block(32) for _ in range(32)], nn.LayerNorm(32))
head = nn.Linear(32, 10)
optimizer = torch.optim.AdamW([*tower.parameters(), *head.parameters()], lr=1e-3)
with Inspector(tower) as inspector:
    for rows in torch.randperm(1600).split(64):
        loss = nn.functional.cross_entropy(head(tower(x[rows])), y[rows], label_smoothing=0.1)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(tower.parameters(), 1.0)
        optimizer.step()

diagnosis = inspector.diagnose()
