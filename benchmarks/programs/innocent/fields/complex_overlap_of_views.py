"""States as complex vectors: the fidelity of two views.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import augment, batches, mlp
from collapse_doctor import Inspector


def state(z):
    return F.normalize(torch.view_as_complex(z.view(len(z), -1, 2)), dim=1)


def fidelity(a, b):
    return torch.linalg.vecdot(a, b).abs().pow(2)


net, head = mlp(64, 64, 24, act=nn.ELU), nn.Linear(24, 10)
optimizer = torch.optim.Adam([*net.parameters(), *head.parameters()], lr=1e-3)
with Inspector(net) as inspector:
    for x, y in batches(20):
        z, other = net(augment(x)), net(augment(x))
        psi, phi = state(z), state(other)
        loss = F.cross_entropy(head(z), y) + 0.1 * (1 - fidelity(psi, phi)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
