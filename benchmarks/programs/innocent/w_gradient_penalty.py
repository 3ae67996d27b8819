"""A classifier with an input-gradient penalty by autograd.grad with create_graph.

expect: healthy
"""

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector

net = nn.Sequential(nn.Linear(10, 48), nn.Softplus(), nn.Linear(48, 5))
optimizer = torch.optim.Adam(net.parameters(), lr=5e-3)
means = torch.randn(5, 10)
with Inspector(net) as inspector:
    for _ in range(50):
        y = torch.randint(0, 5, (48,))
        x = (means[y] + 0.5 * torch.randn(48, 10)).requires_grad_()
        loss = F.cross_entropy(net(x), y)
        (slope,) = torch.autograd.grad(loss, x, create_graph=True)
        loss = loss + 0.1 * slope.pow(2).sum(1).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
