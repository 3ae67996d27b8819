"""DistMult against all tails at once (1-N scoring), label smoothing, symmetric relations.

expect: healthy
"""

import torch
from torch import nn

from collapse_doctor import Inspector

n, groups = 100, 5
group = torch.arange(n) % groups
truth = torch.stack([(group[:, None] == group), (group[:, None] + group) % groups == 0]).float()


class DistMult(nn.Module):
    def __init__(self, width=24):
        super().__init__()
        self.e = nn.Embedding(n, width)
        self.r = nn.Embedding(2, width)
        self.bn = nn.BatchNorm1d(width)
        self.drop = nn.Dropout(0.2)

    def forward(self, s, r):
        return self.drop(self.bn(self.e(s) * self.r(r))) @ self.e.weight.T


model = DistMult()
opt = torch.optim.Adagrad(model.parameters(), lr=0.1)
bce = nn.BCEWithLogitsLoss()
with Inspector(model) as inspector:
    for _ in range(200):
        s, r = torch.randint(n, (48,)), torch.randint(2, (48,))
        y = truth[r, s] * 0.9 + 0.02
        loss = bce(model(s, r), y)
        opt.zero_grad(set_to_none=True)
        loss.backward()
        opt.step()
        inspector.step(loss=loss)
diagnosis = inspector.diagnose()
