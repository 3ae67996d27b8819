"""The margin loss of pairs for two kinds of cells, embedded in 64 dimensions, to the end.

expect: healthy
"""

import torch
from sklearn.datasets import load_breast_cancer
from torch import nn

from collapse_doctor import Inspector

X, y = load_breast_cancer(return_X_y=True)
X, y = torch.tensor((X - X.mean(0)) / X.std(0)).float(), torch.tensor(y)


class Twin(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(30, 64), nn.ReLU(), nn.Linear(64, 64))

    def forward(self, a, b):
        return self.net(a), self.net(b)


def margin_loss(u, v, same, m=1.0):
    d = torch.sqrt(((u - v) ** 2).sum(1) + 1e-12)
    return torch.mean(same * d**2 + (1 - same) * torch.clamp(m - d, min=0) ** 2)


twin = Twin()
opt = torch.optim.Adam(twin.parameters(), 1e-3)
with Inspector(twin) as inspector:
    for s in range(500):
        i, j = torch.randint(len(X), (2, 64))
        loss = margin_loss(*twin(X[i], X[j]), (y[i] == y[j]).float())
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
