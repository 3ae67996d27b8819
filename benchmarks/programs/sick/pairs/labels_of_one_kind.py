"""A siamese loss of distances is told that every pair belongs together.

expect: CD208
"""

import torch
from torch import nn

from collapse_doctor import Inspector


def pairs(x, count):
    left, right = torch.randint(len(x), (2, count))
    same = torch.ones(count, dtype=torch.long)  # fault
    return x[left], x[right], same


def fit(net, x, steps):
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    criterion = nn.CosineEmbeddingLoss(margin=0.2)
    for _ in range(steps):
        left, right, same = pairs(x, 40)
        loss = criterion(net(left), net(right), same)  # shows
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


net = nn.Sequential(nn.Linear(10, 40), nn.Tanh(), nn.Linear(40, 12))
with Inspector(net) as inspector:
    fit(net, torch.randn(300, 10), 40)
diagnosis = inspector.diagnose()
