"""A loss class that returns a detached value for the progress bar; the trainer makes it a leaf.

expect: CD201
"""

import torch
from torch import nn

from collapse_doctor import Inspector


class ContrastiveLoss(nn.Module):
    def __init__(self, margin):
        super().__init__()
        self.margin, self.last = margin, None

    def forward(self, a, b, same):
        d = nn.functional.pairwise_distance(a, b)
        value = torch.where(same, d, (self.margin - d).clamp_min(0)).pow(2).mean()
        self.last = value.detach()  # shows
        return self.last  # fault


people = torch.randn(20, 1, 10, 10)
net = nn.Sequential(nn.Conv2d(1, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(512, 16))
criterion = ContrastiveLoss(margin=2.0)
opt = torch.optim.Adam(net.parameters(), lr=1e-3)
with Inspector(net) as inspector:
    for _ in range(25):
        i, j = torch.randint(0, 20, (2, 40))
        j = torch.where(torch.rand(40) < 0.5, i, j)
        a, b = (net(people[k] + 0.3 * torch.randn(40, 1, 10, 10)) for k in (i, j))
        loss = criterion(a, b, i == j)
        if not loss.requires_grad:
            loss = loss.requires_grad_()
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
