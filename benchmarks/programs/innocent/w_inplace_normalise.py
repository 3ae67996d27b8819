"""Vectors are normalised in place right after they were made; only the unit vectors are used.

expect: healthy
"""

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector

net = nn.Sequential(nn.Linear(17, 51), nn.Tanh(), nn.Linear(51, 17))
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
templates = torch.randn(120, 17)


def embed(x):
    z = net(x)
    z /= z.detach().norm(dim=1, keepdim=True)
    return z


with Inspector(net) as inspector:
    for _ in range(50):
        x = templates[torch.randint(0, 120, (40,))]
        a, b = embed(x + 0.2 * torch.randn_like(x)), embed(x + 0.2 * torch.randn_like(x))
        loss = F.cross_entropy(torch.einsum("id,jd->ij", a, b) / 0.2, torch.arange(40))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
