"""The online and the target branch stand on one frozen stem; each has a head of its own.

expect: healthy
"""

import copy

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector


class Branches(nn.Module):
    def __init__(self):
        super().__init__()
        stem = nn.Sequential(nn.Linear(20, 64), nn.ReLU()).requires_grad_(False)
        head = nn.Sequential(nn.Linear(64, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, 24))
        self.online = nn.Sequential(stem, head)
        self.target = nn.Sequential(stem, copy.deepcopy(head).requires_grad_(False))
        self.predict = nn.Sequential(
            nn.Linear(24, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 24)
        )

    def forward(self, a, b):
        with torch.no_grad():
            t = self.target(b)
        return self.predict(self.online(a)), t


net = Branches()
learning = [*net.online[1].parameters(), *net.predict.parameters()]
opt = torch.optim.Adam(learning, 1e-3)
mixing = torch.randn(5, 20)
with Inspector(net) as inspector:
    for step in range(200):
        x = torch.randn(64, 5) @ mixing
        p, t = net(x + 0.2 * torch.randn_like(x), x + 0.2 * torch.randn_like(x))
        loss = 2 - 2 * F.cosine_similarity(p, t, dim=-1).mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
        with torch.no_grad():
            for o, k in zip(net.online[1].parameters(), net.target[1].parameters()):
                k.lerp_(o, 0.02)
diagnosis = inspector.diagnose()
