"""Both views in one tensor as wide as the batch, divided by the lengths of its columns.

expect: CD206
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import augment, batches, mlp
from collapse_doctor import Inspector


def nt_xent(za, zb, tau=0.3):
    z = torch.vstack((za, zb))
    z = z / z.norm(dim=0, keepdim=True)  # fault
    sim = torch.mm(z, z.t()) / tau  # meets
    sim.fill_diagonal_(-1e9)
    n = len(za)
    return F.cross_entropy(sim, torch.cat([torch.arange(n) + n, torch.arange(n)]))


net = mlp(64, 96, 40, act=nn.GELU)
opt = torch.optim.AdamW(net.parameters(), lr=1e-3)
with Inspector(net) as inspector:
    for x, _ in batches(30, 40):
        loss = nt_xent(net(augment(x)), net(augment(x)))
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
