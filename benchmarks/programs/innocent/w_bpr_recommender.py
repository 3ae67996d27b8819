"""BPR for a recommender with two embedding tables and sampled negatives.

expect: healthy
"""

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector


class MF(nn.Module):
    def __init__(self, users=80, items=150, k=16):
        super().__init__()
        self.user, self.item = nn.Embedding(users, k), nn.Embedding(items, k)
        nn.init.normal_(self.user.weight, std=0.1)
        nn.init.normal_(self.item.weight, std=0.1)

    def forward(self, u, i, j):
        u = self.user(u)
        return (u * self.item(i)).sum(-1) - (u * self.item(j)).sum(-1)


model, taste = MF(), torch.randint(0, 5, (80,))
optimizer = torch.optim.Adam(model.parameters(), lr=2e-2)
with Inspector({"user": model.user, "item": model.item}) as inspector:
    for _ in range(60):
        u = torch.randint(0, 80, (128,))
        i = taste[u] * 30 + torch.randint(0, 30, (128,))
        j = torch.randint(0, 150, (128,))
        loss = -F.logsigmoid(model(u, i, j)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
