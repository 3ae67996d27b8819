"""BYOL: the target is a deep copy, equal to the online net in the first step, then an EMA.

expect: healthy
"""

import copy

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector


class BYOL(nn.Module):
    def __init__(self, dim=20, tau=0.97):
        super().__init__()
        self.online = nn.Sequential(
            nn.Linear(30, 64),
            nn.BatchNorm1d(64),
            nn.ReLU(),
            nn.Linear(64, dim),
            nn.BatchNorm1d(dim),
        )
        self.target = copy.deepcopy(self.online).requires_grad_(False)
        self.predictor = nn.Sequential(
            nn.Linear(dim, 40), nn.BatchNorm1d(40), nn.ReLU(), nn.Linear(40, dim)
        )
        self.tau = tau

    def forward(self, x1, x2):
        p1, p2 = self.predictor(self.online(x1)), self.predictor(self.online(x2))
        with torch.no_grad():
            t1, t2 = self.target(x1), self.target(x2)
        return 2 - F.cosine_similarity(p1, t2).mean() - F.cosine_similarity(p2, t1).mean()

    @torch.no_grad()
    def update(self):
        for t, o in zip(self.target.parameters(), self.online.parameters(), strict=True):
            t.copy_(self.tau * t + (1 - self.tau) * o)


byol = BYOL()
optimizer = torch.optim.Adam([*byol.online.parameters(), *byol.predictor.parameters()], lr=1e-3)
mixing = torch.randn(20, 30)
with Inspector({"online": byol.online, "target": byol.target}) as inspector:
    for _ in range(50):
        x = torch.randn(64, 20) @ mixing
        loss = byol(x + torch.randn_like(x), x + torch.randn_like(x))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        byol.update()

diagnosis = inspector.diagnose()
