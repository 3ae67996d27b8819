"""TransE on a small knowledge graph.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector


class TransE(nn.Module):
    def __init__(self):
        super().__init__()
        self.e = nn.Embedding(80, 20)
        self.r = nn.Embedding(4, 20)

    def forward(self, h, r, t):
        return self.e(h) + self.r(r), self.e(t)


model = TransE()
optimizer = torch.optim.Adagrad(model.parameters(), 0.1)
crit = nn.MarginRankingLoss(1.0)
with Inspector(model) as inspector:
    for k in range(200):
        h = torch.randint(0, 80, (64,))
        r = torch.randint(0, 4, (64,))
        t = (h + r * 7 + 1) % 80
        a, b = model(h, r, t)
        c, d = model(h, r, torch.randint(0, 80, (64,)))
        loss = crit(F.pairwise_distance(a, b), F.pairwise_distance(c, d), -torch.ones(64))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
