"""Matching scores go through a sigmoid at a scale of 200 before a squared error: it is flat there.

expect: CD203
"""

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector

SCALE = 200.0  # fault


class TwoTower(nn.Module):
    def __init__(self):
        super().__init__()
        self.q = nn.Sequential(nn.Linear(24, 48), nn.ReLU(), nn.Linear(48, 24))
        self.d = nn.Sequential(nn.Linear(24, 48), nn.ReLU(), nn.Linear(48, 24))

    def forward(self, q, d):
        return self.q(q), self.d(d)


model = TwoTower()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-4)
rotation = torch.linalg.qr(torch.randn(24, 24)).Q

with Inspector(model) as inspector:
    for _ in range(40):
        q = torch.randn(48, 24)
        relevant = (torch.rand(48) < 0.5).float()
        d = torch.where(relevant[:, None] > 0, q @ rotation, torch.randn(48, 24))
        zq, zd = model(4 * q, 4 * d)
        probability = torch.sigmoid(SCALE * (zq * zd).sum(1))
        loss = F.mse_loss(probability, relevant)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
