"""Binary codes on purpose: tanh grows steeper until it is a sign (HashNet).

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import batches
from collapse_doctor import Inspector


class Hash(nn.Module):
    def __init__(self, bits=24):
        super().__init__()
        self.features = nn.Sequential(
            nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, bits), nn.BatchNorm1d(bits)
        )
        self.beta = 1.0

    def forward(self, x):
        return torch.tanh(self.beta * self.features(x))


model = Hash()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
with Inspector(model) as inspector:
    for step, (x, y) in enumerate(batches(200, 64)):
        model.beta = (1 + 0.5 * step) ** 0.5
        code = model(x)
        same = (y[:, None] == y).float()
        inner = code @ code.T / 4
        loss = F.binary_cross_entropy_with_logits(inner, same)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
