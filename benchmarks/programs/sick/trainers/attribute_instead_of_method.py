"""Unfreezing sets an attribute of the module, `encoder.requires_grad = True`, and nothing happens.

expect: CD202
first: 0
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(20, 40), nn.ReLU(), nn.Linear(40, 20))
        for p in self.encoder.parameters():
            p.requires_grad = False

    def unfreeze(self):
        self.encoder.requires_grad = True  # fault

    def forward(self, x):
        return self.encoder(x)


model, head = Model(), nn.Linear(20, 5)
model.unfreeze()
optimizer = torch.optim.Adam([*model.parameters(), *head.parameters()], lr=1e-3)
means = torch.randn(5, 20)
with Inspector(model) as inspector:
    for _ in range(40):
        y = torch.randint(0, 5, (40,))
        loss = F.cross_entropy(head(model(means[y] + torch.randn(40, 20))), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
