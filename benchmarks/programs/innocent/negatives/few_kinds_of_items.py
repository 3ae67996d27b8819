"""Four kinds of items alone: a drawn one is the clicked one every fourth time, bit by bit.

expect: healthy
"""

import torch
from torch import nn

from collapse_doctor import Inspector


class Tower(nn.Module):
    def __init__(self, size, width=16):
        super().__init__()
        self.table = nn.Embedding(size, width)
        self.head = nn.Linear(width, width)

    def forward(self, which):
        return self.head(self.table(which))


users, items = Tower(40), Tower(4)
optimizer = torch.optim.Adam([*users.parameters(), *items.parameters()], lr=0.01)
taste = torch.randint(0, 4, (40,))
with Inspector({"users": users, "items": items}) as inspector:
    for _ in range(80):
        user = torch.randint(0, 40, (32,))
        u, right = users(user), items(taste[user])
        wrong = items(torch.randint(0, 4, (96,))).view(32, 3, -1)
        scores = torch.cat([(u * right).sum(-1, keepdim=True), (u[:, None] * wrong).sum(-1)], -1)
        loss = (scores.logsumexp(-1) - scores[:, 0]).mean() + 0.01 * u.pow(2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
