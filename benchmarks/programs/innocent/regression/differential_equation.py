"""A network is fitted to a differential equation.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import mlp
from collapse_doctor import Inspector

model = mlp(1, 32, 32, 1, act=nn.Tanh)
optimizer = torch.optim.Adam(model.parameters(), 0.001)
with Inspector(model) as inspector:
    for k in range(300):
        x = torch.rand(64, 1, requires_grad=True)
        u = model(x)
        du = torch.autograd.grad(u.sum(), x, create_graph=True)[0]
        loss = F.mse_loss(du, -u) + (model(torch.zeros(1, 1)) - 1).pow(2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
