"""SimSiam with its predictor and stop-gradient inside forward().

expect: healthy
"""

import torch
from torch import nn

from benchmarks.programs.common import augment, batches
from collapse_doctor import Inspector


class SimSiam(nn.Module):
    def __init__(self):
        super().__init__()
        self.f = nn.Sequential(
            nn.Linear(64, 128),
            nn.BatchNorm1d(128),
            nn.ReLU(),
            nn.Linear(128, 64),
            nn.BatchNorm1d(64, affine=False),
        )
        self.h = nn.Sequential(nn.Linear(64, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 64))

    def forward(self, a, b):
        z1, z2 = self.f(a), self.f(b)
        return self.h(z1), self.h(z2), z1.detach(), z2.detach()


model = SimSiam()
optimizer = torch.optim.SGD(model.parameters(), 0.05, momentum=0.9)
c = nn.CosineSimilarity(dim=1)
with Inspector(model) as inspector:
    for x, y in batches(300, 64):
        p1, p2, z1, z2 = model(augment(x), augment(x))
        loss = -(c(p1, z2).mean() + c(p2, z1).mean()) * 0.5
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        inspector.step(loss=loss, labels=y)
diagnosis = inspector.diagnose()
