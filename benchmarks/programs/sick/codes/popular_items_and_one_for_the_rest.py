"""Items that are not in the table get the row of the unknown one; what is liked is drawn again.

expect: CD502
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector

torch.manual_seed(2)
popularity = 1.0 / torch.arange(1, 401).float().sqrt()
taste = torch.randn(120, 400)


class Items(nn.Module):
    def __init__(self, known):
        super().__init__()
        self.known = known
        self.vectors = nn.Embedding(known + 1, 20)

    def forward(self, item):
        return self.vectors(torch.where(item < self.known, item, self.known))  # fault


users, items = nn.Embedding(120, 20), Items(150)
opt = torch.optim.Adagrad([*users.parameters(), *items.parameters()], lr=0.05)
with Inspector({"item": items}) as inspector:
    for _ in range(80):
        u = torch.randint(0, 120, (80,))
        liked = torch.multinomial(popularity * taste[u].exp(), 1).flatten()
        scores = users(u) @ items(liked).T
        loss = F.cross_entropy(scores, torch.arange(80))
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
