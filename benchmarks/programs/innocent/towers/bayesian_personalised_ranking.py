"""Matrix factorisation ranks what was bought above what was not.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector


class Factors(nn.Module):
    def __init__(self):
        super().__init__()
        self.u = nn.Embedding(100, 16)
        self.i = nn.Embedding(200, 16)

    def forward(self, u, p, n):
        a = self.u(u)
        return a, self.i(p), self.i(n)


model = Factors()
optimizer = torch.optim.Adam(model.parameters(), 0.01, weight_decay=1e-05)
U = torch.randint(0, 100, (3000,))
P = (U * 2 + torch.randint(0, 20, (3000,))) % 200
with Inspector(model) as inspector:
    for k in range(200):
        j = torch.randint(0, 3000, (128,))
        a, p, n = model(U[j], P[j], torch.randint(0, 200, (128,)))
        loss = -F.logsigmoid((a * p).sum(1) - (a * n).sum(1)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
