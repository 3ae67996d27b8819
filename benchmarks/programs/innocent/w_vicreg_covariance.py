"""VICReg with hand-written variance and covariance terms: z.T @ z is meant.

expect: healthy
"""

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector


class VICReg(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = nn.Sequential(nn.Linear(30, 64), nn.BatchNorm1d(64), nn.ReLU())
        self.expander = nn.Linear(64, 24)

    def forward(self, x):
        return self.expander(self.backbone(x))

    def training_step(self, batch):
        za, zb = map(self, batch)
        inv = F.mse_loss(za, zb)
        var = sum(F.relu(1 - z.std(dim=0)).mean() for z in (za, zb))
        return 25 * inv + 25 * var + self.cov(za) + self.cov(zb)

    def cov(self, z):
        z = z - z.mean(dim=0)
        c = z.T @ z / (len(z) - 1)
        return (c - torch.diag(c.diagonal())).pow(2).sum() / z.shape[1]


mixing = torch.randn(14, 30)
model = VICReg()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
with Inspector(model) as inspector:
    for _ in range(50):
        clean = torch.randn(64, 14) @ mixing
        batch = [clean + 0.5 * torch.randn_like(clean) for _ in range(2)]
        loss = model.training_step(batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
