"""Shuffle and learn: the order of a clip's frames is drawn, and then sorted before it is used.

expect: CD107
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector


class ClipNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.frame = nn.Sequential(
            nn.Conv2d(1, 8, 3, 2), nn.ReLU(), nn.Flatten(), nn.Linear(72, 16)
        )
        self.order = nn.Linear(5 * 16, 20)

    def forward(self, clip):
        rows, frames = clip.shape[:2]
        return self.order(self.frame(clip.flatten(0, 1)).view(rows, frames * 16).relu())


def clips(count):
    x = torch.randn(count, 1, 1, 8, 8)
    return x + torch.linspace(0, 1, 5).view(1, 5, 1, 1, 1) * torch.randn(count, 1, 1, 8, 8)


def shuffled(clip):
    order = torch.rand(5).argsort().sort().values  # fault
    return clip[:, order]


net, head = ClipNet(), nn.Linear(20, 1)
optimizer = torch.optim.SGD([*net.parameters(), *head.parameters()], lr=0.02, momentum=0.9)
with Inspector(net) as inspector:
    for _ in range(20):
        clip = clips(24)
        right = head(net(clip))
        wrong = head(net(shuffled(clip)))  # shows
        loss = F.softplus(-right).mean() + F.softplus(wrong).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
