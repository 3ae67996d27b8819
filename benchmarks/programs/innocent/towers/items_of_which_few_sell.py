"""Users and items by id, each through an MLP, compared in the batch; a few items are bought by most.

expect: healthy
"""

import torch
import torch.nn as nn
import torch.nn.functional as F

from collapse_doctor import Inspector

N_USERS, N_ITEMS = 500, 200
g = torch.Generator().manual_seed(3)
taste = torch.randint(0, 8, (N_USERS,), generator=g)
genre = torch.randint(0, 8, (N_ITEMS,), generator=g)
popularity = 1.0 / torch.arange(1, N_ITEMS + 1).float()


class Tower(nn.Module):
    def __init__(self, n, d=32):
        super().__init__()
        self.table = nn.Embedding(n, 64)
        self.mlp = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, d))

    def forward(self, ids):
        return F.normalize(self.mlp(self.table(ids)), dim=-1)


class TwoTower(nn.Module):
    def __init__(self):
        super().__init__()
        self.user, self.item = Tower(N_USERS), Tower(N_ITEMS)

    def forward(self, u, i):
        return self.user(u), self.item(i)


def purchases(n):
    u = torch.randint(0, N_USERS, (n,))
    w = popularity[None] * torch.where(genre[None] == taste[u][:, None], 20.0, 1.0)
    return u, torch.multinomial(w, 1).squeeze(1)


net = TwoTower()
opt = torch.optim.Adam(net.parameters(), lr=3e-3)
with Inspector(net) as inspector:
    for step in range(400):
        u, i = purchases(128)
        zu, zi = net(u, i)
        logits = zu @ zi.T / 0.1
        same = i[:, None] == i[None]
        logits = logits.masked_fill(same & ~torch.eye(128, dtype=torch.bool), -1e4)
        loss = F.cross_entropy(logits, torch.arange(128))
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
