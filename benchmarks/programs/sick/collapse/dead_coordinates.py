"""A penalty silences three quarters of the ReLUs at the end.

expect: CD304
first: gradual
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import augment, batches
from collapse_doctor import Inspector


class H(nn.Module):
    def __init__(self):
        super().__init__()
        self.f = nn.Sequential(
            nn.Linear(64, 128), nn.BatchNorm1d(128), nn.ReLU(), nn.Linear(128, 64)
        )
        self.r = nn.ReLU()

    def forward(self, x):
        return self.r(self.f(x))


model = H()
optimizer = torch.optim.Adam(model.parameters(), 0.01)
with Inspector(model) as inspector:
    for x, y in batches(200, 64):
        a, b = model(augment(x)), model(augment(x))
        loss = (
            F.cross_entropy(F.normalize(a) @ F.normalize(b).T / 0.2, torch.arange(64))
            + 3 * a[:, :48].mean()
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
