"""Batch-hard triplets without normalisation at a learning rate of 1: all vectors become one.

expect: CD301, CD207
first: gradual
"""

import torch
from sklearn.datasets import load_digits
from torch import nn

from collapse_doctor import Inspector

data = load_digits()
x, y = torch.tensor(data.data, dtype=torch.float32) / 16, torch.tensor(data.target)


def batch_hard(z, labels, margin=0.2):
    d = (z[:, None] - z[None]).pow(2).sum(-1).add(1e-12).sqrt()
    same = labels[:, None] == labels[None]
    hardest_positive = d.masked_fill(~same, 0).amax(1)
    hardest_negative = d.masked_fill(same, 1e9).amin(1)
    return torch.relu(hardest_positive - hardest_negative + margin).mean()


net = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 16))
optimizer = torch.optim.SGD(net.parameters(), lr=1.0, momentum=0.9)  # fault

with Inspector(net) as inspector:
    for _ in range(5):
        for rows in torch.randperm(1600).split(64):
            loss = batch_hard(net(x[rows]), y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

diagnosis = inspector.diagnose()
