"""The axis of the normalisation is an option, and the option says 0.

expect: CD206
"""

from types import SimpleNamespace

import torch
from torch import nn

from collapse_doctor import Inspector

options = SimpleNamespace(axis=0, temperature=0.2, batch=48)  # fault


class Projector(nn.Module):
    def __init__(self, axis):
        super().__init__()
        self.lift = nn.Sequential(nn.Linear(20, 64), nn.ReLU(), nn.Linear(64, 24))
        self.axis = axis

    def forward(self, x):
        return nn.functional.normalize(self.lift(x), dim=self.axis)  # shows


model = Projector(options.axis)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
with Inspector(model) as inspector:
    for _ in range(25):
        x = torch.randn(options.batch, 20)
        a, b = model(x + 0.1 * torch.randn_like(x)), model(x + 0.1 * torch.randn_like(x))
        logits = a @ b.T / options.temperature
        loss = nn.functional.cross_entropy(logits, torch.arange(options.batch))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
