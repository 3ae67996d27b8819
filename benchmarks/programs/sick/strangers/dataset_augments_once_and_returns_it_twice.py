"""The dataset draws one augmentation and returns it as both views, so the two branches see equal images.

expect: CD107
"""

import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, Dataset

from collapse_doctor import Inspector


class RandomShift:
    def __init__(self, reach):
        self.reach = reach

    def __call__(self, img):
        dy, dx = np.random.randint(-self.reach, self.reach + 1, size=2)
        return np.roll(img, (dy, dx), axis=(0, 1))


class Speckle:
    def __init__(self, sigma):
        self.sigma = sigma

    def __call__(self, img):
        return img + self.sigma * np.random.randn(*img.shape)


class Compose:
    def __init__(self, *ops):
        self.ops = ops

    def __call__(self, img):
        for op in self.ops:
            img = op(img)
        return np.ascontiguousarray(img, dtype=np.float32)


class ContrastiveDigits(Dataset):
    def __init__(self, transform):
        self.images = load_digits().images / 16.0
        self.transform = transform

    def __len__(self):
        return 960

    def __getitem__(self, index):
        image = self.transform(self.images[index])  # fault
        return image[None], image[None]


class Barlow(nn.Module):
    def __init__(self, dim=40, lambd=0.01):
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv2d(1, 20, 3),
            nn.ReLU(),
            nn.Conv2d(20, 32, 3, stride=2),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(128, 64),
            nn.BatchNorm1d(64),
            nn.ReLU(),
            nn.Linear(64, dim),
        )
        self.bn = nn.BatchNorm1d(dim, affine=False)
        self.lambd = lambd

    def forward(self, y1, y2):
        z1, z2 = self.net(y1), self.net(y2)
        c = self.bn(z1).T @ self.bn(z2) / len(z1)  # meets
        on_diag = (torch.diagonal(c) - 1).pow(2).sum()
        off_diag = c.pow(2).sum() - torch.diagonal(c).pow(2).sum()
        return on_diag + self.lambd * off_diag


model = Barlow()
loader = DataLoader(
    ContrastiveDigits(Compose(RandomShift(1), Speckle(0.1))), batch_size=64, shuffle=True
)
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3, weight_decay=1e-6)

with Inspector(model.net) as inspector:
    for epoch in range(3):
        for y1, y2 in loader:
            loss = model(y1, y2)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        print(f"epoch {epoch} barlow {loss.item():.3f}")

diagnosis = inspector.diagnose()
