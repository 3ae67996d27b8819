"""A whitening layer written by hand keeps a running scale that is never updated: eval divides by 1e4.

expect: CD209
first: gradual
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector


class Standardise(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.register_buffer("scale", torch.full((width,), 1e4))

    def forward(self, h):
        if self.training:
            scale = h.std(dim=0) + 1e-5
            new = 0.9 * self.scale + 0.1 * scale.detach()  # fault
        else:
            scale = self.scale  # shows
        return torch.tanh(h / scale + 0.5)


encoder = nn.Sequential(nn.Linear(20, 32), Standardise(32), nn.Linear(32, 16))
head = nn.Linear(16, 5)
optimizer = torch.optim.Adam([*encoder.parameters(), *head.parameters()], lr=2e-3)
means = torch.randn(5, 20)
probe = means[torch.arange(60) % 5] + torch.randn(60, 20)
with Inspector(encoder, probe=probe) as inspector:
    for _ in range(120):
        y = torch.randint(0, 5, (40,))
        loss = F.cross_entropy(head(encoder(means[y] + torch.randn(40, 20))), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
