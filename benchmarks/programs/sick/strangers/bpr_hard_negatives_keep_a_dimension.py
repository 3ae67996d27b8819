"""From the hard-negative phase on, topk(1) leaves the negative scores as (B, 1) while the positive ones are (B,): BPR is over B x B differences.

expect: CD205
first: 25
"""

import torch
import torch.nn as nn
import torch.nn.functional as F

from collapse_doctor import Inspector

torch.manual_seed(12)
N_USERS, N_ITEMS = 200, 150
taste_u, taste_i = torch.randn(N_USERS, 6), torch.randn(N_ITEMS, 6)
liked = (taste_u @ taste_i.T).topk(12, dim=1).indices


class MF(nn.Module):
    def __init__(self, d=20):
        super().__init__()
        self.user = nn.Embedding(N_USERS, d)
        self.item = nn.Embedding(N_ITEMS, d)
        for table in (self.user, self.item):
            nn.init.normal_(table.weight, std=0.2)

    def forward(self, users):
        return self.user(users)

    def score(self, u, items):
        return (u * self.item(items)).sum(-1)


def random_negatives(model, u, k=1):
    return model.score(u, torch.randint(N_ITEMS, (len(u),)))


def hard_negatives(model, u, users, pool=20):
    candidates = torch.randint(N_ITEMS, (pool,))
    scores = u @ model.item(candidates).T
    bad = (liked[users].unsqueeze(2) == candidates).any(1)
    return scores.masked_fill(bad, -1e4).topk(1, dim=1).values  # fault


model = MF()
opt = torch.optim.Adam(model.parameters(), lr=0.02)
HARD_FROM = 25

with Inspector({"user": model.user, "item": model.item}) as inspector:
    for step in range(55):
        users = torch.randint(N_USERS, (96,))
        items = liked[users, torch.randint(12, (96,))]
        u = model(users)
        pos = model.score(u, items)
        if step < HARD_FROM:
            neg = random_negatives(model, u)
        else:
            neg = hard_negatives(model, u, users)
        loss = -F.logsigmoid(pos - neg).mean()  # meets
        loss = loss + 1e-4 * u.pow(2).sum(1).mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
