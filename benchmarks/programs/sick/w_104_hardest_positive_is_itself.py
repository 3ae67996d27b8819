"""Hardest mining where the "most similar of my class" is the sample itself: the diagonal was kept.

expect: CD104
"""

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

from collapse_doctor import Inspector


def mine(z, y):
    u = F.normalize(z.detach(), dim=1)
    sim = u @ u.T
    same = y[:, None] == y[None, :]
    easiest_positive = sim.masked_fill(~same, -2).argmax(dim=1)  # fault
    hardest_negative = sim.masked_fill(same, -2).argmax(dim=1)
    return easiest_positive, hardest_negative


data = load_digits()
x, y = torch.tensor(data.data, dtype=torch.float32) / 16, torch.tensor(data.target)
net = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 16))
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)

with Inspector(net) as inspector:
    for rows in torch.randperm(1500).split(50):
        z = net(x[rows])
        pos, neg = mine(z, y[rows])
        loss = F.triplet_margin_loss(z, z[pos], z[neg], margin=0.3)  # meets # shows
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
