"""A BYOL run that is saved, torn down and resumed from the checkpoint, with a new optimizer.

expect: healthy
"""

import copy
import io

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector

X = torch.tensor(load_digits().data).float() / 16


def crop(x):
    img = F.pad(x.view(-1, 1, 8, 8), (1, 1, 1, 1))
    i, j = torch.randint(0, 3, (2,)).tolist()
    return (img[:, :, i : i + 8, j : j + 8] + 0.1 * torch.randn(len(x), 1, 8, 8)).flatten(1)


class Byol(nn.Module):
    def __init__(self):
        super().__init__()
        self.online = nn.Sequential(
            nn.Linear(64, 128), nn.BatchNorm1d(128), nn.ReLU(), nn.Linear(128, 32)
        )
        self.predictor = nn.Sequential(
            nn.Linear(32, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, 32)
        )
        self.target = copy.deepcopy(self.online).requires_grad_(False)

    def forward(self, a, b):
        p = self.predictor(self.online(a))
        with torch.no_grad():
            t = self.target(b)
        return p, t

    @torch.no_grad()
    def update(self, m=0.98):
        for o, t in zip(self.online.parameters(), self.target.parameters()):
            t.lerp_(o, 1 - m)


def optimizer_for(m):
    return torch.optim.AdamW([*m.online.parameters(), *m.predictor.parameters()], lr=1e-3)


byol = Byol()
opt = optimizer_for(byol)
saved = io.BytesIO()
with Inspector(byol) as inspector:
    for step in range(300):
        if step == 150:
            torch.save({"model": byol.state_dict(), "opt": opt.state_dict()}, saved)
            saved.seek(0)
            state = torch.load(saved)
            byol.load_state_dict(state["model"])
            opt = optimizer_for(byol)
            opt.load_state_dict(state["opt"])
        x = X[torch.randint(len(X), (128,))]
        a, b = crop(x), crop(x)
        p1, t1 = byol(a, b)
        p2, t2 = byol(b, a)
        loss = 4 - 2 * F.cosine_similarity(p1, t1).mean() - 2 * F.cosine_similarity(p2, t2).mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
        byol.update()
diagnosis = inspector.diagnose()
