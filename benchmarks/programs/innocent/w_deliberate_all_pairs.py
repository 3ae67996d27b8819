"""A soft nearest-neighbour loss: every query against every key, by broadcasting and by cdist.

expect: healthy
"""

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

from collapse_doctor import Inspector

data = load_digits()
x, y = torch.tensor(data.data, dtype=torch.float32) / 16, torch.tensor(data.target)
net = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 20))
optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
with Inspector(net) as inspector:
    for rows in torch.randperm(1600).split(64):
        z = F.normalize(net(x[rows]), dim=1)
        query, key = z[:32], z[32:]
        distance = torch.cdist(query, key).pow(2)
        again = (query[:, None] - key[None]).pow(2).sum(-1)
        same = (y[rows][:32, None] == y[rows][32:]).float()
        attention = (-(distance + again) / 0.4).softmax(dim=1)
        hit = (attention * same).sum(1)
        loss = -torch.log(hit[same.sum(1) > 0] + 1e-6).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
