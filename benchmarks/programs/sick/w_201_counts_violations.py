"""The triplet loss counts violated triplets; what has a gradient is the weight penalty alone.

expect: CD201
"""

import torch
from torch import nn

from collapse_doctor import Inspector


class TripletLoss(nn.Module):
    def __init__(self, margin):
        super().__init__()
        self.margin = margin

    def forward(self, anchor, positive, negative):
        d_ap = (anchor - positive).pow(2).sum(1)
        d_an = (anchor - negative).pow(2).sum(1)  # meets
        return (d_ap + self.margin > d_an).float().mean()  # fault


model = nn.Sequential(nn.Linear(22, 44), nn.ReLU(), nn.Linear(44, 11))
criterion = TripletLoss(0.2)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
plants = torch.randn(30, 22)

with Inspector(model) as inspector:
    for _ in range(30):
        kind = torch.randint(0, 30, (32,))
        other = (kind + torch.randint(1, 30, (32,))) % 30
        leaf, leaf2, alien = (plants[k] + 0.3 * torch.randn(32, 22) for k in (kind, kind, other))
        ranking = criterion(model(leaf), model(leaf2), model(alien))
        decay = 1e-4 * sum(w.pow(2).sum() for w in model.parameters())
        loss = ranking + decay
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
