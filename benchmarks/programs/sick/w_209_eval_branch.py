"""A module with a branch on self.training that, in eval mode, returns the mean prototype.

expect: CD209
first: gradual
"""

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector


class Prototypical(nn.Module):
    def __init__(self, d_in=20, dim=16):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(d_in, 40), nn.ReLU(), nn.Linear(40, dim))
        self.register_buffer("prototype", torch.zeros(dim))

    def forward(self, x):
        z = self.net(x)
        if self.training:
            self.prototype.lerp_(z.detach().mean(0), 0.1)
            return z
        return self.prototype + 0 * z  # fault


model = Prototypical()
head = nn.Linear(16, 5)
optimizer = torch.optim.SGD([*model.parameters(), *head.parameters()], lr=0.1)
means = torch.randn(5, 20)
probe = means[torch.arange(100) % 5] + torch.randn(100, 20)

with Inspector(model, probe=probe) as inspector:
    for _ in range(40):
        y = torch.randint(0, 5, (40,))
        loss = F.cross_entropy(head(model(means[y] + torch.randn(40, 20))), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
