"""The list of transforms is filled only where a level is above nought; the level is nought.

expect: CD107
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector

LEVEL = 0  # fault


class Noise:
    def __init__(self, std):
        self.std = std

    def __call__(self, x):
        return x + self.std * torch.randn_like(x)


class Compose:
    def __init__(self, transforms):
        self.transforms = transforms

    def __call__(self, x):
        for transform in self.transforms:
            x = transform(x)
        return x


def make_transform(level):
    transforms = []
    if level > 0:
        transforms.append(Noise(0.1 * level))
    return Compose(transforms)


transform = make_transform(LEVEL)
net = nn.Sequential(nn.Linear(14, 40), nn.ReLU(), nn.Linear(40, 16))
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
with Inspector(net) as inspector:
    for _ in range(25):
        x = torch.randn(36, 14)
        z = net(torch.cat([transform(x), transform(x)]))  # shows
        z1, z2 = F.normalize(z, dim=1).chunk(2)
        loss = F.cross_entropy(z1 @ z2.T / 0.2, torch.arange(36))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
