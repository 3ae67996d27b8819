"""Unit vectors in NumPy style: z / norm(axis 0), which scales the columns.

expect: CD206
"""

import torch
from sklearn.datasets import load_digits
from torch import nn

from collapse_doctor import Inspector

digits = load_digits()
pixels, target = torch.tensor(digits.data).float() / 16, torch.tensor(digits.target)


def unit(z):
    return z / torch.linalg.norm(z, axis=0)  # fault


def npair(anchors, positives, y):
    logits = 10 * torch.matmul(anchors, positives.transpose(0, 1))  # meets
    same = (y.view(-1, 1) == y.view(1, -1)).float()
    same = same / same.sum(dim=1, keepdim=True)
    return torch.mean(torch.sum(-same * torch.log_softmax(logits, dim=1), dim=1))


network = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 20))
sgd = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9)
with Inspector(network) as inspector:
    for rows in torch.randperm(1500).split(60):
        a = unit(network(pixels[rows] + 0.1 * torch.randn(len(rows), 64)))
        b = unit(network(pixels[rows] + 0.1 * torch.randn(len(rows), 64)))
        loss = npair(a, b, target[rows])
        sgd.zero_grad()
        loss.backward()
        sgd.step()

diagnosis = inspector.diagnose()
