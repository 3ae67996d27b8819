"""A siamese net with a detached target, but neither a predictor nor a slow teacher.

expect: CD208
"""

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector


class Lightning(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv1d(1, 12, 5), nn.ReLU(), nn.AdaptiveAvgPool1d(4), nn.Flatten(), nn.Linear(48, 16)
        )

    def training_step(self, batch):
        one, two = (self.net(batch + 0.3 * torch.randn_like(batch)) for _ in range(2))
        return F.mse_loss(one, two.detach()) + F.mse_loss(two, one.detach())  # fault # meets


module = Lightning()
optimizer = torch.optim.Adam(module.parameters(), lr=2e-3)
ecg = torch.randn(128, 1, 40).cumsum(-1) / 3
with Inspector(module.net) as inspector:
    for _epoch in range(8):
        for batch in ecg[torch.randperm(128)].split(32):
            optimizer.zero_grad()
            module.training_step(batch).backward()
            optimizer.step()

diagnosis = inspector.diagnose()
