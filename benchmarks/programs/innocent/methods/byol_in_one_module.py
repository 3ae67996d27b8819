"""BYOL whose forward is the whole method: a slow target of its own, a predictor, a scalar loss.

expect: healthy
"""

import copy

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import augment, batches
from collapse_doctor import Inspector


def head(wide, out):
    return nn.Sequential(nn.Linear(wide, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, out))


class BYOL(nn.Module):
    def __init__(self, tau=0.95):
        super().__init__()
        self.online_encoder = nn.Sequential(nn.Linear(64, 96), nn.BatchNorm1d(96), nn.ReLU())
        self.online_projector = nn.Sequential(head(96, 32), nn.BatchNorm1d(32))
        self.predictor = head(32, 32)
        self.target_encoder = copy.deepcopy(self.online_encoder).requires_grad_(False)
        self.target_projector = copy.deepcopy(self.online_projector).requires_grad_(False)
        self.tau = tau

    @torch.no_grad()
    def move_target(self):
        for online, target in (
            (self.online_encoder, self.target_encoder),
            (self.online_projector, self.target_projector),
        ):
            for mine, theirs in zip(online.parameters(), target.parameters(), strict=True):
                theirs.lerp_(mine, 1 - self.tau)

    def one_way(self, one, other):
        p = self.predictor(self.online_projector(self.online_encoder(one)))
        with torch.no_grad():
            z = self.target_projector(self.target_encoder(other))
        return 2 - 2 * F.cosine_similarity(p, z, dim=-1).mean()

    def forward(self, first, second):
        return {"loss": self.one_way(first, second) + self.one_way(second, first)}


byol = BYOL()
optimizer = torch.optim.Adam([p for p in byol.parameters() if p.requires_grad], lr=1e-3)
with Inspector(byol) as inspector:
    for x, _ in batches(120, 64):
        loss = byol(augment(x), augment(x))["loss"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        byol.move_target()
diagnosis = inspector.diagnose()
