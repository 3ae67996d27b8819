"""BatchNorm with momentum 0 on data far from zero: the running statistics never leave 0 and 1.

expect: CD209
first: gradual
"""

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector

net = nn.Sequential(
    nn.Linear(16, 48),
    nn.BatchNorm1d(48, momentum=0.0),  # fault
    nn.Tanh(),
    nn.Linear(48, 12),
)
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
sensors = 200 + torch.randn(120, 16)

with Inspector(net, probe=sensors[:100]) as inspector:
    for _ in range(40):
        rows = torch.randperm(120)[:40]
        a = net(sensors[rows] + 0.2 * torch.randn(40, 16))
        b = net(sensors[rows] + 0.2 * torch.randn(40, 16))
        logits = F.normalize(a, dim=1) @ F.normalize(b, dim=1).T / 0.2
        loss = F.cross_entropy(logits, torch.arange(40))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
