"""Continual learning: the old network, frozen, equals the new one at the first step.

expect: healthy
"""

import copy

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector

X, Y = load_digits(return_X_y=True)
X, Y = torch.tensor(X / 16).float(), torch.tensor(Y)
net = nn.Sequential(nn.Linear(64, 96), nn.ReLU(), nn.Linear(96, 24))
heads = nn.ModuleList([nn.Linear(24, 10), nn.Linear(24, 10)])


def task(k, steps, old=None):
    opt = torch.optim.Adam([*net.parameters(), *heads[k].parameters()], lr=3e-3)
    for _ in range(steps):
        i = torch.randint(0, len(X), (64,))
        x = X[i] if k == 0 else X[i].flip(1)
        z = net(x)
        loss = F.cross_entropy(heads[k](z), Y[i])
        if old is not None:
            with torch.no_grad():
                before = old(x)
            loss = loss + 0.5 * F.mse_loss(z, before)
        opt.zero_grad()
        loss.backward()
        opt.step()


task(0, 40)
with Inspector(net) as inspector:
    task(1, 40, copy.deepcopy(net).eval().requires_grad_(False))
diagnosis = inspector.diagnose()
