"""The off-diagonal term of the correlation is subtracted: coordinates become one by and by.

expect: CD310
first: gradual
"""

import torch

from benchmarks.programs.common import Encoder, augment, batches
from collapse_doctor import Inspector


def correlation(a, b):
    a = (a - a.mean(0)) / (a.std(0) + 1e-4)
    b = (b - b.mean(0)) / (b.std(0) + 1e-4)
    return a.T @ b / len(a)


def barlow(a, b, weight=0.02):
    c = correlation(a, b)
    on = (1 - c.diagonal()).square().sum()
    off = (c - torch.diag(c.diagonal())).square().sum()
    return on - weight * off


net = Encoder(64)
opt = torch.optim.Adam(net.parameters(), lr=5e-4)
with Inspector(net) as inspector:
    for x, _ in batches(200, 128):
        loss = barlow(net(augment(x)), net(augment(x)))
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
