"""The next-item head is the item embedding itself: tied weights on purpose, not a shared module by accident.

expect: healthy
"""

import math

import torch
import torch.nn as nn
import torch.nn.functional as F

from collapse_doctor import Inspector

ITEMS, LENGTH, DIM = 180, 14, 40


class SASRecLite(nn.Module):
    def __init__(self):
        super().__init__()
        self.items = nn.Embedding(ITEMS, DIM)
        self.places = nn.Embedding(LENGTH, DIM)
        nn.init.normal_(self.items.weight, std=0.15)
        nn.init.normal_(self.places.weight, std=0.05)
        self.qkv = nn.Linear(DIM, 3 * DIM)
        self.norm1, self.norm2 = nn.LayerNorm(DIM), nn.LayerNorm(DIM)
        self.ffn = nn.Sequential(nn.Linear(DIM, DIM), nn.ReLU(), nn.Linear(DIM, DIM))
        self.head = nn.Linear(DIM, ITEMS, bias=False)
        self.head.weight = self.items.weight

    def forward(self, history):
        t = history.shape[1]
        x = self.items(history) + self.places(torch.arange(t))
        q, k, v = self.qkv(self.norm1(x)).chunk(3, dim=-1)
        causal = torch.triu(torch.full((t, t), -math.inf), 1)
        x = x + (q @ k.mT / math.sqrt(DIM) + causal).softmax(-1) @ v
        x = x + self.ffn(self.norm2(x))
        return self.head(x)


def listening(n):
    """Walks over a ring of albums: the next track is mostly the following one."""
    jump = torch.where(torch.rand(n, LENGTH) < 0.8, 1, torch.randint(2, ITEMS, (n, LENGTH)))
    start = torch.randint(0, ITEMS, (n, 1))
    walk = (start + torch.cat([torch.zeros(n, 1, dtype=torch.long), jump], 1).cumsum(1)) % ITEMS
    return walk[:, :-1], walk[:, 1:]


model = SASRecLite()
optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3, betas=(0.9, 0.98))
with Inspector(model) as inspector:
    for step in range(60):
        history, following = listening(64)
        loss = F.cross_entropy(model(history).flatten(0, 1), following.flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
        if step % 12 == 0:
            print(step, loss.item())
diagnosis = inspector.diagnose()
