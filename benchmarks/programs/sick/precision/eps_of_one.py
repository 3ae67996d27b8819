"""An eps meant for a logarithm is handed to the cosine: rows are shorter than it.

expect: CD403
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import augment, batches, mlp
from collapse_doctor import Inspector

EPS = 10.0
net = mlp(64, 80, 16, act=nn.Tanh)
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
with Inspector(net) as inspector:
    for x, _ in batches(30, 48):
        a, b = net(augment(x)), net(augment(x))
        a, b = F.normalize(a, dim=1, eps=EPS), F.normalize(b, dim=1, eps=EPS)  # fault
        loss = F.cross_entropy(a @ b.T / 0.1, torch.arange(48))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
