"""All weights are drawn from N(0, 1): every layer multiplies the gradient on its way down by about eight, at the bottom it is in the millions.

expect: CD204
"""

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import StandardScaler

from collapse_doctor import Inspector

torch.manual_seed(31)


def weights_init(m):
    if isinstance(m, nn.Linear):
        nn.init.normal_(m.weight)  # fault
        nn.init.zeros_(m.bias)


def mlp(sizes):
    layers = []
    for a, b in zip(sizes[:-2], sizes[1:-1]):
        layers += [nn.Linear(a, b), nn.LeakyReLU(0.1)]
    return nn.Sequential(*layers, nn.Linear(sizes[-2], sizes[-1]))


def draw_triplets(y, n):
    anchor = torch.randint(len(y), (n,))
    pos, neg = [], []
    for a in anchor:
        pool_p, pool_n = (y == y[a]).nonzero().flatten(), (y != y[a]).nonzero().flatten()
        pos.append(pool_p[torch.randint(len(pool_p), ())])
        neg.append(pool_n[torch.randint(len(pool_n), ())])
    return anchor, torch.stack(pos), torch.stack(neg)


data = load_breast_cancer()
X = torch.tensor(StandardScaler().fit_transform(data.data), dtype=torch.float32)
y = torch.tensor(data.target)

model = mlp([30, 128, 128, 128, 128, 128, 128, 24])
model.apply(weights_init)
optimizer = torch.optim.Adam(model.parameters(), lr=5e-5)

with Inspector(model) as inspector:
    for step in range(35):
        a, p, n = draw_triplets(y, 32)
        za, zp, zn = model(torch.cat([X[a], X[p], X[n]])).chunk(3)
        loss = F.triplet_margin_loss(za, zp, zn, margin=1.0)  # meets
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
