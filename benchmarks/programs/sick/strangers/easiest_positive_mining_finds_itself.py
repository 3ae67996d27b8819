"""The easiest-positive miner does not mask the diagonal, so every sample's nearest same-class neighbour is itself.

expect: CD104
"""

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

from collapse_doctor import Inspector


class ClassBalancedSampler:
    """P classes times K samples, the usual batch of metric learning."""

    def __init__(self, labels, p=8, k=6, rounds=40):
        self.by_class = {c: np.flatnonzero(labels == c) for c in np.unique(labels)}
        self.p, self.k, self.rounds = p, k, rounds

    def __iter__(self):
        for _ in range(self.rounds):
            classes = np.random.choice(list(self.by_class), self.p, replace=False)
            yield np.concatenate(
                [np.random.choice(self.by_class[c], self.k, replace=False) for c in classes]
            )


def pick(z, y):
    with torch.no_grad():
        sim = z @ z.t()
        same = y[:, None] == y[None, :]
        easiest_positive = sim.masked_fill(~same, -2.0).argmax(dim=1)  # fault
        hardest_negative = sim.masked_fill(same, -2.0).argmax(dim=1)
    return easiest_positive, hardest_negative


def epshn(z, y, scale=8.0):
    pos_idx, neg_idx = pick(z, y)
    positive, negative = z[pos_idx], z[neg_idx]
    s_pos = (z * positive).sum(-1)  # meets
    s_neg = (z * negative).sum(-1)
    return F.softplus(scale * (s_neg - s_pos)).mean()


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(64, 100)
        self.bn = nn.BatchNorm1d(100)
        self.fc2 = nn.Linear(100, 30)

    def forward(self, x):
        return F.normalize(self.fc2(F.relu(self.bn(self.fc1(x)))), dim=-1)


data = load_digits()
X = torch.as_tensor(data.data / 16.0, dtype=torch.float32)
Y = torch.as_tensor(data.target)
net = Net()
opt = torch.optim.Adam(net.parameters(), lr=1e-3)

with Inspector(net) as inspector:
    for step, rows in enumerate(ClassBalancedSampler(data.target)):
        rows = torch.from_numpy(rows)
        loss = epshn(net(X[rows]), Y[rows])
        opt.zero_grad()
        loss.backward()
        opt.step()
        if step % 10 == 0:
            print(f"{step:3d} {loss.item():.4f}")

diagnosis = inspector.diagnose()
