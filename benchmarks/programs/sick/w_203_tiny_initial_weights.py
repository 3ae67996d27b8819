"""A deep ReLU classifier whose weights were initialised with a standard deviation of 0.01.

expect: CD203
"""

from itertools import pairwise

import torch
from sklearn.datasets import load_digits
from torch import nn

from collapse_doctor import Inspector


def init_weights(m):
    if isinstance(m, nn.Linear):
        nn.init.normal_(m.weight, std=0.01)  # fault
        nn.init.zeros_(m.bias)


def mlp(*sizes):
    blocks = [nn.Sequential(nn.Linear(a, b), nn.ReLU()) for a, b in pairwise(sizes)]
    return nn.Sequential(*blocks)


data = load_digits()
x, y = torch.tensor(data.data, dtype=torch.float32) / 16, torch.tensor(data.target)
backbone = mlp(64, 64, 64, 64, 64, 64, 64, 64, 64).apply(init_weights)
head = nn.Linear(64, 10)
optimizer = torch.optim.SGD([*backbone.parameters(), *head.parameters()], lr=0.05)

with Inspector(backbone) as inspector:
    for rows in torch.randperm(1500).split(50):
        loss = nn.functional.cross_entropy(head(backbone(x[rows])), y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
