"""The two-view batch is made after the encoder by repeat, so its halves are copies of one view.

expect: CD104
"""

import torch
from torch import nn

from collapse_doctor import Inspector


def ntxent(z1, z2, tau=0.5):
    logits = z1 @ z2.T / tau
    return nn.functional.cross_entropy(logits, torch.arange(len(z1)))


class LitContrast(nn.Module):
    """Written like a LightningModule."""

    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv1d(2, 16, 5), nn.GELU(), nn.AdaptiveAvgPool1d(4), nn.Flatten(), nn.Linear(64, 24)
        )

    def training_step(self, batch, batch_idx):
        views = self.encoder(batch).repeat(2, 1)  # fault
        z1, z2 = nn.functional.normalize(views, dim=1).chunk(2)
        gap = nn.functional.pairwise_distance(z1, z2).mean()  # meets
        return ntxent(z1, z2) + gap

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=1e-3)


module = LitContrast()
optimizer = module.configure_optimizers()
with Inspector(module.encoder) as inspector:
    for batch_idx in range(20):
        loss = module.training_step(torch.randn(40, 2, 32).cumsum(-1), batch_idx)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
