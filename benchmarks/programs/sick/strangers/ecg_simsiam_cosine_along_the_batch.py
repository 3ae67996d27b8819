"""nn.CosineSimilarity(dim=0) compares the coordinates across the batch; every patient's own pair of beats is never compared.

expect: CD206
"""

import torch
import torch.nn as nn

from collapse_doctor import Inspector


class BeatEncoder(nn.Module):
    def __init__(self, width=32, out=24):
        super().__init__()
        self.c1 = nn.Conv1d(2, width, 9, stride=3)
        self.c2 = nn.Conv1d(width, width, 5, stride=2)
        self.b1, self.b2 = nn.BatchNorm1d(width), nn.BatchNorm1d(width)
        self.fc = nn.Linear(2 * width, out)
        self.bn = nn.BatchNorm1d(out, affine=False)

    def forward(self, x):
        x = torch.relu(self.b1(self.c1(x)))
        x = torch.relu(self.b2(self.c2(x)))
        return self.bn(self.fc(torch.cat([x.mean(2), x.amax(2)], 1)))


class SimSiam(nn.Module):
    def __init__(self):
        super().__init__()
        self.f = BeatEncoder()
        self.h = nn.Sequential(nn.Linear(24, 12), nn.BatchNorm1d(12), nn.ReLU(), nn.Linear(12, 24))
        self.criterion = nn.CosineSimilarity(dim=0)  # fault

    def forward(self, x1, x2):
        z1, z2 = self.f(x1), self.f(x2)
        p1, p2 = self.h(z1), self.h(z2)
        return -0.5 * (
            self.criterion(p1, z2.detach()).mean() + self.criterion(p2, z1.detach()).mean()
        )  # meets


def patients(n):
    """n patients, two stretches of two leads each."""
    rate = torch.empty(n, 1, 1).uniform_(2, 9)
    skew = torch.rand(n, 2, 1) * 3
    sharp = torch.empty(n, 1, 1).uniform_(1, 6)

    def record():
        t = torch.linspace(0, 6.28, 90) + torch.rand(n, 1, 1)
        return torch.exp(sharp * (torch.cos(rate * t + skew) - 1)) + 0.1 * torch.randn(n, 2, 90)

    return record(), record()


torch.manual_seed(3)
model = SimSiam()
sgd = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-4)
cosine = torch.optim.lr_scheduler.CosineAnnealingLR(sgd, T_max=50)

with Inspector({"f": model.f, "h": model.h}) as inspector:
    for step in range(50):
        loss = model(*patients(40))
        sgd.zero_grad()
        loss.backward()
        sgd.step()
        cosine.step()
diagnosis = inspector.diagnose()
