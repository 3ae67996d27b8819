"""Redundancy between two standardised views is taken as cosines of their columns, on purpose.

expect: healthy
"""

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector

torch.manual_seed(1)
net = nn.Sequential(
    nn.Linear(18, 64), nn.ReLU(), nn.Linear(64, 12), nn.BatchNorm1d(12, affine=False)
)
mix = torch.randn(8, 18)
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
with Inspector(net) as inspector:
    for _ in range(50):
        clean = torch.randn(64, 8) @ mix
        a, b = (net(clean + 0.4 * torch.randn(64, 18)) for _ in range(2))
        agree = (1 - F.cosine_similarity(a, b, dim=0)).pow(2).mean()
        cross = a.T @ b / 64
        loss = agree + 0.05 * (cross - torch.diag(torch.diagonal(cross))).pow(2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
