"""A two-tower recommender whose sampled items are the clicked one, eight times: a sampled softmax.

expect: CD104
"""

import torch
from torch import nn

from collapse_doctor import Inspector


class Towers(nn.Module):
    def __init__(self, users=60, items=200, width=16):
        super().__init__()
        self.users = nn.Embedding(users, width)
        self.items = nn.Embedding(items, width)
        self.tower = nn.Sequential(nn.Linear(width, 32), nn.ReLU(), nn.Linear(32, width))

    def forward(self, user, item):
        return self.users(user), self.tower(self.items(item))


def sampled(clicked, count=8):
    drawn = torch.randint(0, 200, (len(clicked), count))
    drawn[:] = clicked[:, None]  # fault
    return drawn


towers = Towers()
optimizer = torch.optim.Adagrad(towers.parameters(), lr=0.05)
taste = torch.randint(0, 200, (60, 5))
with Inspector(towers) as inspector:
    for _ in range(30):
        user = torch.randint(0, 60, (48,))
        clicked = taste[user, torch.randint(0, 5, (48,))]
        u, right = towers(user, clicked)
        _, wrong = towers(user, sampled(clicked))  # shows
        score = torch.einsum("nd,nd->n", u, right)
        others = torch.einsum("nd,nkd->nk", u, wrong)
        table = torch.cat((score[:, None], others), dim=1)  # meets
        loss = -table.log_softmax(1)[:, 0].mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
