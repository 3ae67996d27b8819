"""A Lightning-like module with VICReg; the invariance term gets the first view twice.

expect: CD101
"""

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector


class VICRegModule(nn.Module):
    def __init__(self, dim=24):
        super().__init__()
        self.backbone = nn.Sequential(nn.Linear(30, 64), nn.BatchNorm1d(64), nn.ReLU())
        self.expander = nn.Linear(64, dim)

    def forward(self, x):
        return self.expander(self.backbone(x))

    def training_step(self, batch, batch_idx):
        view_a, view_b = batch
        z_a, z_b = self(view_a), self(view_b)
        invariance = F.mse_loss(z_a, z_a)  # fault # meets
        variance = sum(F.relu(1 - z.std(dim=0)).mean() for z in (z_a, z_b))
        covariance = sum(self.off_diagonal(z).pow(2).sum() / z.shape[1] for z in (z_a, z_b))
        return 25 * invariance + 25 * variance + covariance

    @staticmethod
    def off_diagonal(z):
        z = z - z.mean(dim=0)
        cov = z.T @ z / (len(z) - 1)
        return cov - torch.diag(cov.diagonal())

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=2e-3)


class Loop:
    def __init__(self, max_steps):
        self.max_steps = max_steps

    def fit(self, module, batches):
        optimizer = module.configure_optimizers()
        module.train()
        for batch_idx, batch in zip(range(self.max_steps), batches, strict=False):
            loss = module.training_step(batch, batch_idx)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()


def two_views():
    mixing = torch.randn(10, 30)
    while True:
        latent = torch.randn(64, 10) @ mixing
        yield latent + 0.5 * torch.randn(64, 30), latent + 0.5 * torch.randn(64, 30)


module = VICRegModule()
with Inspector(module) as inspector:
    Loop(30).fit(module, two_views())

diagnosis = inspector.diagnose()
