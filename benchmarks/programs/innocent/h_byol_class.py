"""BYOL with a deep-copied target, equal to the online network at step 0, and a predictor.

expect: healthy
"""

import copy

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector


class BYOL(nn.Module):
    def __init__(self, net, dim=24, tau=0.97):
        super().__init__()
        self.online, self.target = net, copy.deepcopy(net).requires_grad_(False)
        self.predictor = nn.Sequential(
            nn.Linear(dim, 48), nn.BatchNorm1d(48), nn.ReLU(), nn.Linear(48, dim)
        )
        self.tau = tau

    def forward(self, x1, x2):
        with torch.no_grad():
            t1, t2 = self.target(x1), self.target(x2)
        p1, p2 = self.predictor(self.online(x1)), self.predictor(self.online(x2))
        return (
            2
            - F.cosine_similarity(p1, t2.detach()).mean()
            - F.cosine_similarity(p2, t1.detach()).mean()
        )

    @torch.no_grad()
    def update(self):
        for t, o in zip(self.target.parameters(), self.online.parameters()):
            t.data = self.tau * t.data + (1 - self.tau) * o.data


mix = torch.randn(10, 32)
byol = BYOL(
    nn.Sequential(
        nn.Linear(32, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, 24), nn.BatchNorm1d(24)
    )
)
opt = torch.optim.Adam([*byol.online.parameters(), *byol.predictor.parameters()], lr=1e-3)
with Inspector({"online": byol.online, "target": byol.target}) as inspector:
    for _ in range(45):
        s = torch.randn(96, 10)
        loss = byol(s @ mix + 0.3 * torch.randn(96, 32), s @ mix + 0.3 * torch.randn(96, 32))
        opt.zero_grad()
        loss.backward()
        opt.step()
        byol.update()
diagnosis = inspector.diagnose()
