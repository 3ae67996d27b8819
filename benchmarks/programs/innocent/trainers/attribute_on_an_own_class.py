"""A frozen backbone that keeps a flag of its own called `requires_grad`, set to False.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector


class Backbone(nn.Module):
    def __init__(self, requires_grad):
        super().__init__()
        self.requires_grad = requires_grad
        self.layers = nn.Sequential(nn.Linear(20, 60), nn.ReLU(), nn.Linear(60, 24))
        for p in self.layers.parameters():
            p.requires_grad_(requires_grad)

    def forward(self, x):
        return self.layers(x)


class Probe(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = Backbone(requires_grad=False)
        self.projection = nn.Linear(24, 16)

    def forward(self, x):
        return self.projection(self.backbone(x))


model, head = Probe(), nn.Linear(16, 6)
optimizer = torch.optim.Adam([*model.parameters(), *head.parameters()], lr=3e-3)
means = torch.randn(6, 20)
with Inspector(model) as inspector:
    for _ in range(50):
        y = torch.randint(0, 6, (48,))
        loss = F.cross_entropy(head(model(means[y] + 0.5 * torch.randn(48, 20))), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
