"""BYOL in one module that is never called itself, with an average for a teacher.

expect: healthy
"""

import copy

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector


class Byol(nn.Module):
    def __init__(self):
        super().__init__()
        self.online = nn.Sequential(
            nn.Linear(64, 256), nn.BatchNorm1d(256), nn.ReLU(), nn.Linear(256, 32)
        )
        self.predictor = nn.Sequential(
            nn.Linear(32, 128), nn.BatchNorm1d(128), nn.ReLU(), nn.Linear(128, 32)
        )
        self.target = copy.deepcopy(self.online).requires_grad_(False)

    @torch.no_grad()
    def average(self):
        for slow, quick in zip(self.target.parameters(), self.online.parameters(), strict=True):
            slow.lerp_(quick, 0.02)


X = torch.tensor(load_digits().data).float() / 16
byol = Byol()
opt = torch.optim.SGD([p for p in byol.parameters() if p.requires_grad], 0.05, momentum=0.9)
with Inspector(byol) as inspector:
    for _ in range(120):
        x = X[torch.randint(len(X), (128,))]
        one, two = (x + 0.2 * torch.randn_like(x) for _ in range(2))
        with torch.no_grad():
            goal_one, goal_two = byol.target(one), byol.target(two)
        guess_one, guess_two = byol.predictor(byol.online(one)), byol.predictor(byol.online(two))
        loss = 2 - F.cosine_similarity(guess_one, goal_two).mean()
        loss = loss - F.cosine_similarity(guess_two, goal_one).mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
        byol.average()
diagnosis = inspector.diagnose()
