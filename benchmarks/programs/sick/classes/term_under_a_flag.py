"""The repelling term stands behind a flag of the settings that is off.

expect: CD208
"""

from dataclasses import dataclass

import torch
from torch import nn

from collapse_doctor import Inspector


@dataclass(frozen=True)
class Settings:
    attract: float = 1.0
    use_uniformity: bool = False  # fault
    width: int = 48


class Objective(nn.Module):
    def __init__(self, settings):
        super().__init__()
        self.settings = settings

    def forward(self, a, b):
        loss = self.settings.attract * (a - b).pow(2).sum(1).mean()  # shows
        if self.settings.use_uniformity:
            loss = loss + torch.pdist(a).pow(2).mul(-2).exp().mean().log()
        return loss


settings = Settings()
net = nn.Sequential(nn.Linear(20, settings.width), nn.ReLU(), nn.Linear(settings.width, 16))
objective = Objective(settings)
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
with Inspector(net) as inspector:
    for _ in range(50):
        x = torch.randn(40, 20)
        a, b = (
            nn.functional.normalize(net(x + 0.2 * torch.randn_like(x)), dim=1) for _ in range(2)
        )
        loss = objective(a, b)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
