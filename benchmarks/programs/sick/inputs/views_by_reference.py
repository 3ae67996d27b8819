"""Two crops of one signal start at offsets that the settings make equal.

expect: CD107
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector

SETTINGS = {"length": 48, "first": 8, "second": 8}  # fault


class Crops:
    def __init__(self, settings):
        self.length = settings["length"]
        self.starts = settings["first"], settings["second"]

    def __call__(self, x):
        return tuple(x[:, s : s + self.length] for s in self.starts)


crops = Crops(SETTINGS)
net = nn.Sequential(nn.Linear(48, 64), nn.ReLU(), nn.Linear(64, 16))
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
with Inspector(net) as inspector:
    for _ in range(25):
        one, two = crops(torch.randn(32, 64).cumsum(1))
        a, b = net(one), net(two)  # shows
        loss = F.cross_entropy(
            F.normalize(a, dim=1) @ F.normalize(b, dim=1).T / 0.1, torch.arange(32)
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
