"""Losses are gathered as numbers and wrapped in a new tensor that "requires grad".

expect: CD201
"""

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector

model = nn.Sequential(nn.Linear(20, 40), nn.ReLU(), nn.Linear(40, 12))
opt = torch.optim.Adam(model.parameters(), lr=1e-3)
centres = torch.randn(10, 20)

with Inspector(model) as inspector:
    for _ in range(25):
        who = torch.randint(0, 10, (48,))
        other = (who + 1 + torch.randint(0, 9, (48,))) % 10
        a, p, n = (model(centres[w] + 0.5 * torch.randn(48, 20)) for w in (who, who, other))
        parts = []
        for k in range(3):
            rows = slice(16 * k, 16 * (k + 1))
            parts.append(
                F.triplet_margin_loss(a[rows], p[rows], n[rows], margin=2.0).item()
            )  # fault
        loss = torch.tensor(sum(parts) / 3, requires_grad=True)  # fault
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
