"""The two-view dataset applies its transform once and returns the result as both views.

expect: CD107
"""

import torch
import torch.nn as nn
from torch.utils.data import DataLoader, Dataset

from collapse_doctor import Inspector


class RandomMaskAndScale:
    def __init__(self, p=0.2):
        self.p = p

    def __call__(self, row):
        row = row * (0.8 + 0.4 * torch.rand(1))
        return torch.where(torch.rand_like(row) < self.p, torch.zeros_like(row), row)


class TwoViewSensorDataset(Dataset):
    """Spectra of a chemical sensor; a view is a randomly masked and scaled spectrum."""

    def __init__(self, n=960, bands=70, transform=None):
        grid = torch.linspace(0, 1, bands)
        centre = torch.rand(n, 3, 1)
        width = 0.02 + 0.05 * torch.rand(n, 3, 1)
        self.x = torch.exp(-(((grid - centre) / width) ** 2)).sum(1)
        self.transform = transform

    def __len__(self):
        return len(self.x)

    def __getitem__(self, i):
        view = self.transform(self.x[i])
        return view, view  # fault


class BarlowTwins(nn.Module):
    def __init__(self, bands=70, d=48, lambd=0.01):
        super().__init__()
        self.lambd = lambd
        self.backbone = nn.Sequential(
            nn.Linear(bands, 100), nn.BatchNorm1d(100), nn.ReLU(), nn.Linear(100, 64)
        )
        self.projector = nn.Sequential(
            nn.Linear(64, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, d)
        )
        self.bn = nn.BatchNorm1d(d, affine=False)

    def forward(self, y1, y2):
        z1 = self.projector(self.backbone(y1))
        z2 = self.projector(self.backbone(y2))
        c = self.bn(z1).T @ self.bn(z2) / len(z1)  # meets
        on = (torch.diagonal(c) - 1).pow(2).sum()
        off = c.pow(2).sum() - torch.diagonal(c).pow(2).sum()
        return on + self.lambd * off


loader = DataLoader(
    TwoViewSensorDataset(transform=RandomMaskAndScale()),
    batch_size=80,
    shuffle=True,
    drop_last=True,
)
model = BarlowTwins()
opt = torch.optim.Adam(model.parameters(), lr=1e-3, weight_decay=1e-5)

with Inspector(model) as inspector:
    for epoch in range(4):
        total = 0.0
        for y1, y2 in loader:
            loss = model(y1, y2)
            opt.zero_grad()
            loss.backward()
            opt.step()
            total += loss.item()
        print(f"epoch {epoch}: {total / len(loader):.4f}")
diagnosis = inspector.diagnose()
