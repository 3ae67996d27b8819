"""Pairs drawn by index with i = j: both sides gather the same rows.

expect: CD104
"""

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

from collapse_doctor import Inspector

X, Y = (torch.tensor(a) for a in load_digits(return_X_y=True))
X = X.float() / 16

net = nn.Sequential(nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 16))
opt = torch.optim.Adam(net.parameters(), lr=2e-3)


def contrastive(a, b, same, margin=1.0):
    d = F.pairwise_distance(a, b)  # meets
    return torch.where(same, d.square(), F.relu(margin - d).square()).mean()


with Inspector(net) as inspector:
    for step in range(30):
        rows = torch.randint(0, len(X), (80,))
        emb, lab = net(X[rows]), Y[rows]
        i = j = torch.randint(0, 80, (160,))  # fault
        loss = contrastive(emb[i], emb[j], lab[i] == lab[j])  # shows
        opt.zero_grad()
        loss.backward()
        opt.step()

diagnosis = inspector.diagnose()
