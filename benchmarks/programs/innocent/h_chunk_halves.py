"""Both views in one batch; row-paired distances between the two halves of one chunk.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector

songs = torch.randn(80, 30)
net = nn.Sequential(nn.Linear(30, 64), nn.GELU(), nn.Linear(64, 20))
opt = torch.optim.Adam(net.parameters(), lr=1e-3)
with Inspector(net) as inspector:
    for _ in range(40):
        x = songs[torch.randperm(80)[:40]]
        first, second = net(torch.cat([x, x]) + 0.4 * torch.randn(80, 30)).chunk(2)
        pos = F.pairwise_distance(first, second)
        neg = F.pairwise_distance(first, second.roll(7, 0))
        loss = F.relu(1.0 + pos - neg).mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
