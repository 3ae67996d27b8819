"""SimSiam as published: the detached operand is the other view's projection and the compared one went through the predictor.

expect: healthy
"""

import torch
import torch.nn as nn
from sklearn.datasets import load_digits

from collapse_doctor import Inspector


class SimSiam(nn.Module):
    def __init__(self, dim=48, hidden=24):
        super().__init__()
        self.backbone = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1),
            nn.BatchNorm2d(16),
            nn.ReLU(),
            nn.Conv2d(16, 32, 3, stride=2, padding=1),
            nn.BatchNorm2d(32),
            nn.ReLU(),
            nn.Flatten(),
        )
        self.projector = nn.Sequential(
            nn.Linear(512, 96),
            nn.BatchNorm1d(96),
            nn.ReLU(),
            nn.Linear(96, dim),
            nn.BatchNorm1d(dim, affine=False),
        )
        self.predictor = nn.Sequential(
            nn.Linear(dim, hidden), nn.BatchNorm1d(hidden), nn.ReLU(), nn.Linear(hidden, dim)
        )

    def forward(self, x1, x2):
        z1, z2 = (self.projector(self.backbone(x)) for x in (x1, x2))
        p1, p2 = self.predictor(z1), self.predictor(z2)
        return p1, p2, z1.detach(), z2.detach()


def augment(x):
    dy, dx = torch.randint(-1, 2, (2,)).tolist()
    x = torch.roll(x, (dy, dx), (2, 3)) * (0.7 + 0.6 * torch.rand(len(x), 1, 1, 1))
    return x + 0.15 * torch.randn_like(x)


model = SimSiam()
criterion = nn.CosineSimilarity(dim=1)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
images = torch.tensor(load_digits().images, dtype=torch.float32)[:, None] / 16

with Inspector(model) as inspector:
    for step in range(52):
        x = images[torch.randperm(len(images))[:96]]
        p1, p2, z1, z2 = model(augment(x), augment(x))
        loss = -(criterion(p1, z2).mean() + criterion(p2, z1).mean()) * 0.5
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 13 == 0:
            print(step, loss.item())
diagnosis = inspector.diagnose()
