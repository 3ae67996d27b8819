"""An even, hot softmax over cosines is a small regulariser; a triplet loss is what trains.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector

net = nn.Sequential(nn.Linear(18, 64), nn.ReLU(), nn.Linear(64, 20))
optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
centres = torch.randn(8, 18)
with Inspector(net) as inspector:
    for _ in range(90):
        y = torch.randint(0, 8, (60,))
        other = (y + torch.randint(1, 8, (60,))) % 8
        z, same, apart = (net(centres[i] + 0.4 * torch.randn(60, 18)) for i in (y, y, other))
        unit, pair = F.normalize(z, dim=1), F.normalize(same, dim=1)
        even = F.cross_entropy(unit @ pair.T / 100, torch.arange(60))
        loss = F.triplet_margin_loss(z, same, apart, margin=1.0) + 0.1 * even
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
