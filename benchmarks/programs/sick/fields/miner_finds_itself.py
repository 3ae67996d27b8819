"""A miner with __call__: the hardest negative is the nearest row of all, which is the anchor itself.

expect: CD104
"""

import torch
from sklearn.datasets import load_iris
from torch import nn

from collapse_doctor import Inspector


class HardMiner:
    def __init__(self, metric=torch.cdist):
        self.metric = metric

    def __call__(self, z, y):
        with torch.no_grad():
            d = self.metric(z, z)
            same = y[:, None] == y[None]
            positive = d.masked_fill(~same, -1).argmax(1)
            negative = d.masked_fill(same & (d > 10), 1e9).argmin(1)  # fault
        return torch.arange(len(z)), positive, negative


class MarginLoss:
    def __init__(self, miner, margin=0.3):
        self.miner, self.margin = miner, margin
        self.loss = nn.TripletMarginLoss(margin)

    def __call__(self, z, y):
        a, p, n = self.miner(z, y)
        return self.loss(z[a], z[p], z[n])  # shows, meets


iris = load_iris()
x, y = torch.tensor(iris.data).float(), torch.tensor(iris.target)
x = (x - x.mean(0)) / x.std(0)
net = nn.Sequential(nn.Linear(4, 24), nn.SiLU(), nn.Linear(24, 6))
criterion = MarginLoss(HardMiner())
optimizer = torch.optim.RMSprop(net.parameters(), lr=1e-3)
with Inspector(net) as inspector:
    for _ in range(20):
        rows = torch.randperm(len(x))[:36]
        loss = criterion(net(x[rows]), y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
