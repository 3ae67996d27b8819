"""Anchor, positive and negative interleaved in one batch; the strides of two of them are the same.

expect: CD102
"""

import torch
import torch.nn.functional as F
from sklearn.datasets import load_iris
from torch import nn

from collapse_doctor import Inspector

iris = load_iris()
x = torch.tensor(iris.data, dtype=torch.float32)
x = (x - x.mean(0)) / x.std(0)
by_class = x.view(3, 50, 4)

net = nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 6))
optimizer = torch.optim.Adam(net.parameters(), lr=5e-3)


def sample(n):
    c = torch.randint(0, 3, (n,))
    d = (c + torch.randint(1, 3, (n,))) % 3
    r = torch.randint(0, 50, (3, n))
    return torch.stack([by_class[c, r[0]], by_class[c, r[1]], by_class[d, r[2]]], 1).flatten(0, 1)


with Inspector(net) as inspector:
    for _ in range(40):
        z = net(sample(20))
        anchor, positive, negative = z[0::3], z[1::3], z[1::3]  # fault
        loss = F.triplet_margin_loss(anchor, positive, negative, margin=1.0)  # meets
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
