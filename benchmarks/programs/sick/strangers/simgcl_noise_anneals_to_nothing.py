"""The two contrastive views are the user vectors plus noise, and the noise schedule reaches exactly zero before the end.

expect: CD104
first: 32
"""

import torch
import torch.nn as nn
import torch.nn.functional as F

from collapse_doctor import Inspector

USERS, ITEMS, DIM = 150, 220, 24

torch.manual_seed(2)
taste = torch.randn(USERS, 5)
style = torch.randn(ITEMS, 5)
clicks = (taste @ style.t() > 2.2).float()
clicks[torch.arange(USERS), torch.randint(0, ITEMS, (USERS,))] = 1.0
degree_u = clicks.sum(1, keepdim=True).clamp(min=1).sqrt()
degree_i = clicks.sum(0, keepdim=True).clamp(min=1).sqrt()
adjacency = clicks / degree_u / degree_i


class LightGCN(nn.Module):
    def __init__(self):
        super().__init__()
        self.user = nn.Embedding(USERS, DIM)
        self.item = nn.Embedding(ITEMS, DIM)
        nn.init.normal_(self.user.weight, std=0.1)
        nn.init.normal_(self.item.weight, std=0.1)

    def forward(self):
        u0, i0 = self.user.weight, self.item.weight
        u1, i1 = adjacency @ i0, adjacency.t() @ u0
        u2, i2 = adjacency @ i1, adjacency.t() @ u1
        return (u0 + u1 + u2) / 3, (i0 + i1 + i2) / 3


def perturb(z, eps):
    noise = F.normalize(torch.rand_like(z), dim=-1)
    return z + torch.sign(z) * noise * eps


def eps_at(step, start=0.15, over=32):
    return start * max(0.0, 1.0 - step / over)  # fault


def bpr(u, i, j):
    return F.softplus((u * j).sum(-1) - (u * i).sum(-1)).mean()


def alignment_uniformity(a, b):
    a, b = F.normalize(a, dim=-1), F.normalize(b, dim=-1)
    align = (a - b).pow(2).sum(-1).mean()  # meets
    return align + torch.pdist(a).pow(2).mul(-2).exp().mean().log()


model = LightGCN()
opt = torch.optim.Adam(model.parameters(), lr=0.01)
edges = clicks.nonzero()

with Inspector(model) as inspector:
    for step in range(60):
        u, i = edges[torch.randint(len(edges), (256,))].t()
        j = torch.randint(0, ITEMS, (256,))
        users, items = model()
        rows = torch.unique(u)
        eps = eps_at(step)
        view_1, view_2 = perturb(users[rows], eps), perturb(users[rows], eps)
        loss = bpr(users[u], items[i], items[j]) + 0.2 * alignment_uniformity(view_1, view_2)
        opt.zero_grad()
        loss.backward()
        opt.step()
        if step % 12 == 0:
            print(step, round(eps, 3), loss.item())
diagnosis = inspector.diagnose()
