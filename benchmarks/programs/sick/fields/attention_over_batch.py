"""Attention by hand whose softmax runs along the first dimension, which is the batch.

expect: CD206
"""

import math

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector


class Attention(nn.Module):
    def __init__(self, width=24, heads=3):
        super().__init__()
        self.heads, self.qkv, self.out = heads, nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x):
        rows, length, width = x.shape
        parts = self.qkv(x).view(rows, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        q, k, v = parts.unbind(0)
        weights = torch.softmax(q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1]), 0)  # fault
        return x + self.out((weights @ v).transpose(1, 2).reshape(rows, length, width))


class Reader(nn.Module):
    def __init__(self):
        super().__init__()
        self.words, self.place = nn.Embedding(60, 24), nn.Parameter(torch.randn(10, 24) * 0.1)
        self.layers = nn.Sequential(Attention(), nn.LayerNorm(24), Attention(), nn.LayerNorm(24))

    def forward(self, ids):
        return self.layers(self.words(ids) + self.place).mean(1)


reader, head = Reader(), nn.Linear(24, 2)
optimizer = torch.optim.Adam([*reader.parameters(), *head.parameters()], lr=1e-3)
with Inspector(reader) as inspector:
    for _ in range(20):
        ids = torch.randint(0, 60, (32, 10))
        loss = F.cross_entropy(head(reader(ids)), (ids[:, 0] > ids[:, 1]).long())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
