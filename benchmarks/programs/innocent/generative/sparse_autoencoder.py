"""A sparse autoencoder that returns its code.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import DIGITS, batches
from collapse_doctor import Inspector


class M(nn.Module):
    def __init__(self):
        super().__init__()
        self.e = nn.Linear(64, 128)
        self.d = nn.Linear(128, 64)

    def forward(self, x):
        h = F.relu(self.e(x))
        return self.d(h), h


model = M()
optimizer = torch.optim.Adam(model.parameters(), 0.002)
with Inspector(model) as inspector:
    for x, y in batches(600, 64):
        r, h = model(x - DIGITS.mean(0))
        loss = (
            F.mse_loss(r, x - DIGITS.mean(0), reduction="none").sum(1).mean()
            + 0.02 * h.abs().sum(1).mean()
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        inspector.step(loss=loss)
diagnosis = inspector.diagnose()
