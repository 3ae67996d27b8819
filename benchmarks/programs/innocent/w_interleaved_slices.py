"""Anchor, positive and negative interleaved in one batch and taken apart with strides.

expect: healthy
"""

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

from collapse_doctor import Inspector

data = load_digits()
x = torch.tensor(data.data, dtype=torch.float32) / 16
y = torch.tensor(data.target)
members = [torch.nonzero(y == c).flatten() for c in range(10)]


def draw(c):
    return members[c][torch.randint(0, len(members[c]), ())]


def sample(n):
    rows = []
    for _ in range(n):
        c, d = torch.randperm(10)[:2].tolist()
        rows += [draw(c), draw(c), draw(d)]
    return x[torch.stack(rows)]


net = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 16))
optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
with Inspector(net) as inspector:
    for _ in range(40):
        z = net(sample(24))
        loss = F.triplet_margin_loss(z[0::3], z[1::3], z[2::3], margin=1.0)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
