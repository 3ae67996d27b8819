"""Barlow Twins on both views in one tensor: columns are standardised, and correlated.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import augment, batches, mlp
from collapse_doctor import Inspector

net = mlp(64, 96, 40, act=nn.GELU)
opt = torch.optim.Adam(net.parameters(), lr=1e-3)
with Inspector(net) as inspector:
    for x, _ in batches(40, 40):
        both = torch.cat([net(augment(x)), net(augment(x))])
        unit = F.normalize(both - both.mean(0), dim=0)
        one, other = unit.chunk(2)
        c = 2 * one.T @ other
        loss = (c.diagonal() - 1).square().sum() + 0.02 * (c - c.diagonal().diag()).square().sum()
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
