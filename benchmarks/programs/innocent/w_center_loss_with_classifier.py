"""Softmax with centre loss; centres are buffers moved by hand towards the detached features.

expect: healthy
"""

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

from collapse_doctor import Inspector

data = load_digits()
x, y = torch.tensor(data.data, dtype=torch.float32) / 16, torch.tensor(data.target)
net, head = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 16)), nn.Linear(16, 10)
centers = torch.zeros(10, 16)
optimizer = torch.optim.Adam([*net.parameters(), *head.parameters()], lr=2e-3)
with Inspector(net) as inspector:
    for rows in torch.randperm(1600).split(50):
        z = net(x[rows])
        pull = (z - centers[y[rows]]).pow(2).sum(1).mean()
        loss = F.cross_entropy(head(z), y[rows]) + 0.003 * pull
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        centers.index_add_(0, y[rows], 0.1 * (z.detach() - centers[y[rows]]))

diagnosis = inspector.diagnose()
