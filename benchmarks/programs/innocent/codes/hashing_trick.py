"""Ids are hashed into a table that is smaller than their number: some collide.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector


class Hashed(nn.Module):
    def __init__(self, buckets=256, dim=24):
        super().__init__()
        self.buckets, self.table = buckets, nn.Embedding(buckets, dim)

    def forward(self, ids):
        return self.table((ids * 2654435761 % 2**32) % self.buckets)


left, right = Hashed(), nn.Embedding(5000, 24)
optimizer = torch.optim.Adagrad([*left.parameters(), *right.parameters()], lr=0.2)
with Inspector(left) as inspector:
    for _ in range(40):
        ids = torch.randint(0, 5000, (96,))
        scores = left(ids) @ right((ids * 7 + 3) % 5000).T
        loss = F.cross_entropy(scores, torch.arange(96))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
