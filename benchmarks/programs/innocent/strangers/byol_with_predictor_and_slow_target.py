"""BYOL: no negatives and a loss that only pulls, but a predictor and a slowly moving target hold it open.

expect: healthy
"""

import copy

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector


def projector(i, h, o):
    return nn.Sequential(nn.Linear(i, h), nn.BatchNorm1d(h), nn.ReLU(), nn.Linear(h, o))


class BYOL(nn.Module):
    def __init__(self, base_tau=0.97):
        super().__init__()
        self.online = nn.Sequential(
            nn.Linear(48, 96), nn.BatchNorm1d(96), nn.ReLU(), projector(96, 96, 32)
        )
        self.target = copy.deepcopy(self.online)
        self.target.requires_grad_(False)
        self.predictor = projector(32, 96, 32)
        self.tau = base_tau

    def forward(self, v1, v2):
        loss = 0.0
        for a, b in ((v1, v2), (v2, v1)):
            p = self.predictor(self.online(a))
            with torch.no_grad():
                t = self.target(b)
            loss = loss + (2 - 2 * F.cosine_similarity(p, t, dim=-1)).mean()
        return loss

    @torch.no_grad()
    def ema(self):
        for w, v in zip(self.online.parameters(), self.target.parameters()):
            v.copy_(self.tau * v + (1 - self.tau) * w)


def gene_profiles(n, modules=12):
    g = torch.Generator().manual_seed(1)
    loading = torch.randn(modules, 48, generator=g) / modules**0.5
    activity = torch.randn(n, modules)

    def replicate():
        x = activity @ loading + 0.3 * torch.randn(n, 48)
        return x * (torch.rand(n, 48) > 0.2)

    return replicate(), replicate()


torch.manual_seed(1)
byol = BYOL()
opt = torch.optim.Adam([*byol.online.parameters(), *byol.predictor.parameters()], lr=2e-3)

with Inspector({"online": byol.online, "target": byol.target}) as inspector:
    for step in range(60):
        loss = byol(*gene_profiles(96))
        opt.zero_grad()
        loss.backward()
        opt.step()
        byol.ema()
diagnosis = inspector.diagnose()
