"""A curriculum: easy triplets first, later batch-hard ones by a detached mining step.

expect: healthy
"""

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

from collapse_doctor import Inspector

data = load_digits()
x, y = torch.tensor(data.data, dtype=torch.float32) / 16, torch.tensor(data.target)
net = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 24))
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)


def mine(z, labels, hard):
    d = torch.cdist(z.detach(), z.detach())
    same = labels[:, None] == labels[None]
    eye = torch.eye(len(z), dtype=torch.bool)
    noise = torch.rand_like(d) if not hard else d
    positive = noise.masked_fill(~same | eye, -1).argmax(1)
    negative = noise.masked_fill(same, 9).argmin(1)
    return positive, negative


with Inspector(net) as inspector:
    for step, rows in enumerate(torch.randperm(1750).split(50)):
        z = F.normalize(net(x[rows]), dim=1)
        pos, neg = mine(z, y[rows], hard=step > 20)
        loss = F.triplet_margin_loss(z, z[pos], z[neg], margin=0.3)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
