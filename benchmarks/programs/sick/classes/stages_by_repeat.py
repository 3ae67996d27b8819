"""The stages of the encoder come from itertools.repeat: one block at four places.

expect: CD108
"""

from itertools import repeat

import torch
import torch.nn as nn
from sklearn.datasets import load_wine

from collapse_doctor import Inspector

X, y = load_wine(return_X_y=True)
X, y = torch.tensor((X - X.mean(0)) / X.std(0)).float(), torch.tensor(y)


class Residual(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.fc = nn.Linear(d, d)

    def forward(self, x):
        return x + torch.relu(self.fc(x))


class Tabular(nn.Module):
    def __init__(self, d=32, depth=4):
        super().__init__()
        self.up = nn.Linear(13, d)
        self.stages = nn.Sequential(*repeat(Residual(d), depth))  # fault
        self.head = nn.Linear(d, 3)

    def forward(self, x):
        return self.head(self.stages(self.up(x)))


net = Tabular()
opt = torch.optim.Adam(net.parameters(), 1e-3)
with Inspector(net) as inspector:
    for step in range(60):
        i = torch.randint(len(X), (32,))
        loss = nn.functional.cross_entropy(net(X[i]), y[i])
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
