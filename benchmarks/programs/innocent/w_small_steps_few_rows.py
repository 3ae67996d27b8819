"""A batch of six rows of an embedding 64 wide, at a small learning rate: InfoNCE stays near log 6.

expect: healthy
"""

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector

net = nn.Sequential(nn.Linear(32, 128), nn.ReLU(), nn.Linear(128, 64))
optimizer = torch.optim.SGD(net.parameters(), lr=1e-3)
corpus = torch.randn(60, 32)
with Inspector(net) as inspector:
    for _ in range(20):
        x = corpus[torch.randperm(60)[:6]]
        a, b = net(x + 0.5 * torch.randn_like(x)), net(x + 0.5 * torch.randn_like(x))
        loss = F.cross_entropy(F.normalize(a, dim=1) @ F.normalize(b, dim=1).T, torch.arange(6))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
