"""Prototypical network: class means of the support set of the same step.

expect: healthy
"""

import torch
from torch import nn

from collapse_doctor import Inspector


def episodes(n, ways=8, shots=4, queries=6):
    worlds = torch.randn(60, 30)
    for _ in range(n):
        c = worlds[torch.randperm(60)[:ways]]
        yield (
            c[:, None] + 0.8 * torch.randn(ways, shots, 30),
            c[:, None] + 0.8 * torch.randn(ways, queries, 30),
        )


net = nn.Sequential(nn.Linear(30, 64), nn.ReLU(), nn.Linear(64, 24))
opt = torch.optim.Adam(net.parameters(), lr=2e-3)
with Inspector(net) as inspector:
    for support, query in episodes(50):
        prototypes = net(support.flatten(0, 1)).view(8, 4, -1).mean(1)
        q = net(query.flatten(0, 1))
        loss = nn.functional.cross_entropy(
            -(torch.cdist(q, prototypes) ** 2) / 4, torch.arange(8).repeat_interleave(6)
        )
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
