"""A data set draws its augmentations from a generator of its own, seeded once.

expect: healthy
"""

import functools
from pathlib import PurePath

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

from benchmarks.programs.common import DIGITS, LABELS
from collapse_doctor import Inspector


class Compose:
    def __init__(self, *transforms):
        self.transforms = transforms

    def __call__(self, x, rng):
        return functools.reduce(lambda value, t: t(value, rng), self.transforms, x)


def shift(x, rng):
    return np.roll(x, rng.integers(-1, 2, 2), (0, 1))


def erase(x, rng):
    x = x.copy()
    top, left = rng.integers(0, 6, 2)
    x[top : top + 3, left : left + 3] = 0
    return x


def noise(x, rng):
    return x + rng.normal(0, 0.05, x.shape).astype(x.dtype)


class Digits(Dataset):
    root = PurePath("data/digits")

    def __init__(self, transform, seed=0, train=True):
        self.images = DIGITS.view(-1, 8, 8).numpy()[:1500] if train else DIGITS.numpy()[1500:]
        self.transform, self.seed = transform, seed
        self.rng = np.random.default_rng(seed)

    def __len__(self):
        return len(self.images)

    def view(self, index):
        return torch.from_numpy(self.transform(self.images[index], self.rng)).flatten()

    def __getitem__(self, index):
        return self.view(index), self.view(index), LABELS[index]


class VICReg(nn.Module):
    def __init__(self, dim=48):
        super().__init__()
        self.backbone = nn.Sequential(nn.Linear(64, 96), nn.BatchNorm1d(96), nn.ReLU())
        self.expander = nn.Sequential(nn.Linear(96, 96), nn.ReLU(), nn.Linear(96, dim))

    def forward(self, x):
        return self.expander(self.backbone(x))


def vicreg(z1, z2, sim=25.0, std=25.0, cov=1.0):
    invariance = F.mse_loss(z1, z2)
    total = sim * invariance
    for z in (z1, z2):
        z = z - z.mean(0)
        deviation = (z.var(0) + 1e-4).sqrt()
        c = z.T @ z / (len(z) - 1)
        off = c.pow(2).sum() - c.diagonal().pow(2).sum()
        total = total + std * F.relu(1 - deviation).mean() / 2 + cov * off / z.shape[1]
    return total


class Schedule:
    """Linear warm-up, then half a cosine."""

    def __init__(self, optimizer, base, warm, steps):
        self.optimizer, self.base, self.warm, self.steps = optimizer, base, warm, steps
        self.now = 0

    def step(self):
        self.now += 1
        rise = min(1.0, self.now / self.warm)
        fall = 0.5 * (1 + np.cos(np.pi * min(1.0, self.now / self.steps)))
        for group in self.optimizer.param_groups:
            group["lr"] = self.base * rise * fall


loader = DataLoader(Digits(Compose(shift, erase, noise)), 50, shuffle=True, drop_last=True)
model = VICReg()
optimizer = torch.optim.SGD(model.parameters(), lr=0.0, momentum=0.9, weight_decay=1e-4)
schedule = Schedule(optimizer, 0.02, warm=10, steps=2 * len(loader))
with Inspector(model) as inspector:
    for _epoch in range(2):
        for x1, x2, _ in loader:
            schedule.step()
            loss = vicreg(model(x1), model(x2))
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
diagnosis = inspector.diagnose()
