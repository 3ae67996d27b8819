"""Barlow Twins by somebody who writes F.normalize(z - mean, dim=0) for the columns.

expect: healthy
"""

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector


def cross_correlation(a, b):
    a = F.normalize(a - a.mean(dim=0), dim=0)
    b = F.normalize(b - b.mean(dim=0), dim=0)
    return torch.einsum("bi,bj->ij", a, b)


model = nn.Sequential(nn.Linear(22, 48), nn.LayerNorm(48), nn.GELU(), nn.Linear(48, 16))
optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
mixing = torch.randn(16, 22)
eye = torch.eye(16)
with Inspector(model) as inspector:
    for _ in range(45):
        x = torch.randn(80, 16) @ mixing
        corr = cross_correlation(
            model(x + 0.7 * torch.randn_like(x)), model(x + 0.7 * torch.randn_like(x))
        )
        weight = torch.where(eye > 0, 1.0, 0.03)
        loss = (weight * (corr - eye).pow(2)).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
