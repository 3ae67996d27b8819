"""Activation checkpointing runs blocks twice on the same input and four micro-batches share one optimizer step; nothing is wrong.

expect: healthy
"""

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.checkpoint import checkpoint

from collapse_doctor import Inspector

MICRO, ACCUMULATE, STEPS = 20, 4, 24


class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.up, self.down = nn.Linear(width, 3 * width), nn.Linear(3 * width, width)

    def forward(self, x):
        return x + self.down(F.gelu(self.up(self.norm(x))))


class GaitEncoder(nn.Module):
    def __init__(self, inputs=72, width=48, depth=3):
        super().__init__()
        self.stem = nn.Linear(inputs, width)
        self.blocks = nn.ModuleList(Block(width) for _ in range(depth))
        self.out = nn.Linear(width, 26)

    def forward(self, x):
        h = self.stem(x)
        for block in self.blocks:
            h = checkpoint(block, h, use_reentrant=False)
        return F.normalize(self.out(h), dim=-1)


def walkers(people, n):
    who = torch.randint(0, len(people), (n,))
    other = (who + torch.randint(1, len(people), (n,))) % len(people)
    return [people[i] + 1.7 * torch.randn(n, people.shape[1]) for i in (who, who, other)]


people = torch.randn(50, 72)
model = GaitEncoder()
criterion = nn.TripletMarginWithDistanceLoss(
    distance_function=lambda a, b: 1 - F.cosine_similarity(a, b), margin=0.5
)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

with Inspector(model) as inspector:
    for step in range(STEPS):
        running = 0.0
        for _ in range(ACCUMULATE):
            anchor, positive, negative = (model(x) for x in walkers(people, MICRO))
            loss = criterion(anchor, positive, negative) / ACCUMULATE
            loss.backward()
            running += loss.item()
        optimizer.step()
        optimizer.zero_grad()
        if step % 6 == 0:
            print(step, running)
diagnosis = inspector.diagnose()
