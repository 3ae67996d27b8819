"""Distributional Q-learning with quantiles: targets of a slow copy against quantiles, Huber by hand.

expect: healthy
"""

import copy

import torch
from torch import nn

from collapse_doctor import Inspector

K = 16
mid = (torch.arange(K) + 0.5) / K


class QR(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(4, 64), nn.ReLU(), nn.Linear(64, 3 * K))

    def forward(self, s):
        return self.body(s).view(-1, 3, K)


online = QR()
target = copy.deepcopy(online)
opt = torch.optim.Adam(online.parameters(), lr=2e-3)
with Inspector(online) as inspector:
    for step in range(250):
        s = torch.randn(64, 4)
        a = torch.randint(3, (64,))
        r = s[:, :3].gather(1, a[:, None]) + 0.3 * torch.randn(64, 1)
        s2 = 0.8 * s + 0.2 * torch.randn(64, 4)
        with torch.no_grad():
            q2 = target(s2)
            best = q2.mean(2).argmax(1)
            goal = r + 0.7 * q2[torch.arange(64), best]
        theta = online(s)[torch.arange(64), a]
        u = goal[:, None, :] - theta[:, :, None]
        huber = torch.where(u.abs() < 1, 0.5 * u * u, u.abs() - 0.5)
        loss = ((mid[None, :, None] - (u.detach() < 0).float()).abs() * huber).sum(1).mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
        if step % 25 == 24:
            target.load_state_dict(online.state_dict())
diagnosis = inspector.diagnose()
