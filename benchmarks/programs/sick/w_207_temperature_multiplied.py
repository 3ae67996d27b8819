"""InfoNCE that multiplies by a temperature of 0.001 where it should divide: log N for ever.

expect: CD207
"""

import math

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector


class InfoNCE(nn.Module):
    def __init__(self, temperature=1e-3):
        super().__init__()
        self.temperature = temperature

    def forward(self, q, k):
        q, k = F.normalize(q, dim=-1), F.normalize(k, dim=-1)
        logits = q @ k.T * self.temperature  # fault # meets
        return F.cross_entropy(logits, torch.arange(len(q)))


model = nn.Sequential(nn.Linear(33, 66), nn.ReLU(), nn.Linear(66, 22))
criterion = InfoNCE()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
base, history = torch.randn(150, 33), []

with Inspector(model) as inspector:
    for _ in range(60):
        x = base[torch.randperm(150)[:64]]
        loss = criterion(
            model(x + 0.3 * torch.randn_like(x)),
            model(x + 0.3 * torch.randn_like(x)),
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        history.append(loss.item() / math.log(64))

diagnosis = inspector.diagnose()
