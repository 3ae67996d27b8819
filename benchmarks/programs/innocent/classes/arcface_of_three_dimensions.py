"""ArcFace on an embedding of three dimensions, that it can be drawn.

expect: healthy
"""

import math

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from collapse_doctor import Inspector

digits = load_digits()
loader = DataLoader(
    TensorDataset(
        torch.from_numpy(digits.images).float()[:, None] / 16, torch.from_numpy(digits.target)
    ),
    batch_size=128,
    shuffle=True,
)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 24, 3),
            nn.PReLU(),
            nn.Conv2d(24, 48, 3),
            nn.PReLU(),
            nn.Flatten(),
            nn.Linear(48 * 16, 3),
            nn.BatchNorm1d(3),
        )

    def forward(self, x):
        return F.normalize(self.features(x))


class ArcFace(nn.Module):
    def __init__(self, s=16.0, m=0.2):
        super().__init__()
        self.W = nn.Parameter(torch.randn(10, 3))
        self.s, self.m = s, m

    def forward(self, z, y):
        cos = (z @ F.normalize(self.W).T).clamp(-1 + 1e-6, 1 - 1e-6)
        theta = torch.acos(cos)
        hit = F.one_hot(y, 10).bool()
        logits = torch.where(hit, torch.cos((theta + self.m).clamp(max=math.pi)), cos)
        return F.cross_entropy(self.s * logits, y)


net, head = Net(), ArcFace()
opt = torch.optim.Adam(
    [{"params": net.parameters()}, {"params": head.parameters(), "lr": 1e-2}], 2e-3
)
with Inspector(net) as inspector:
    for epoch in range(14):
        net.train()
        for img, lab in loader:
            opt.zero_grad()
            head(net(img), lab).backward()
            opt.step()
        net.eval()
        with torch.no_grad():
            net(torch.from_numpy(digits.images).float()[:200, None] / 16)
diagnosis = inspector.diagnose()
