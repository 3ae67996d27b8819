"""A config asks for frozen features, and the trainer obeys it for everything.

expect: CD202
"""

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector


@dataclass
class Cfg:
    train_backbone: bool = False  # fault
    lr: float = 1e-3


def build(cfg):
    net = nn.Sequential(nn.Linear(16, 40), nn.ReLU(), nn.Linear(40, 12))
    for p in net.parameters():
        p.requires_grad_(cfg.train_backbone)  # shows
    return net


cfg = Cfg()
net = build(cfg)
scale = nn.Parameter(torch.tensor(2.0))
optimizer = torch.optim.Adam([*net.parameters(), scale], lr=cfg.lr)
with Inspector(net) as inspector:
    for _ in range(25):
        x = torch.randn(32, 16)
        a, b = (F.normalize(net(x + 0.1 * torch.randn_like(x)), dim=1) for _ in "ab")
        loss = F.cross_entropy(a @ b.T * scale.exp(), torch.arange(32))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
