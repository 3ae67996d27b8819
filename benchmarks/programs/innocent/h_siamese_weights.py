"""Siamese network: one encoder for both sides, contrastive loss by hand.

expect: healthy
"""

import torch
from torch import nn

from collapse_doctor import Inspector


class Siamese(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(1, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(288, 24)
        )

    def forward(self, a, b):
        return self.encoder(a), self.encoder(b)


faces = torch.randn(40, 1, 8, 8)
net = Siamese()
opt = torch.optim.Adam(net.parameters(), lr=1e-3)
with Inspector(net.encoder) as inspector:
    for _ in range(50):
        i = torch.randint(0, 40, (64,))
        j = torch.where(torch.rand(64) < 0.5, i, torch.randint(0, 40, (64,)))
        a, b = net(
            faces[i] + 0.3 * torch.randn(64, 1, 8, 8), faces[j] + 0.3 * torch.randn(64, 1, 8, 8)
        )
        d = nn.functional.pairwise_distance(a, b)
        same = (i == j).float()
        loss = (same * d**2 + (1 - same) * torch.relu(2.5 - d) ** 2).mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
