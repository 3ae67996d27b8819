"""A loss that is collected as Python floats and made a tensor again before backward.

expect: CD201
"""

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector

net = nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 8))
optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
anchors = torch.randn(100, 16)

with Inspector(net) as inspector:
    for _ in range(30):
        rows = torch.randint(0, 100, (24,))
        a = net(anchors[rows])
        p = net(anchors[rows] + 0.1 * torch.randn(24, 16))
        n = net(anchors[torch.randint(0, 100, (24,))])
        terms = []
        for i in range(24):
            gap = F.pairwise_distance(a[i : i + 1], p[i : i + 1])  # meets
            gap = gap - F.pairwise_distance(a[i : i + 1], n[i : i + 1]) + 0.5
            terms.append(max(0.0, gap.item()))  # fault
        loss = torch.tensor(terms, requires_grad=True).mean()  # fault
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
