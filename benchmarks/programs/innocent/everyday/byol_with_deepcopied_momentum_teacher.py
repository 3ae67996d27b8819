"""BYOL as it should be: the target starts equal to the online network, is detached and follows slowly.

expect: healthy
"""

import copy

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

from collapse_doctor import Inspector


def mlp(i, h, o):
    return nn.Sequential(nn.Linear(i, h), nn.BatchNorm1d(h), nn.ReLU(), nn.Linear(h, o))


class BYOL(nn.Module):
    def __init__(self, dim=32, tau=0.96):
        super().__init__()
        self.online = nn.Sequential(
            mlp(64, 128, 64), nn.BatchNorm1d(64), nn.ReLU(), mlp(64, 96, dim)
        )
        self.target = copy.deepcopy(self.online)
        self.target.requires_grad_(False)
        self.predictor = mlp(dim, 64, dim)
        self.tau = tau

    @torch.no_grad()
    def update_target(self):
        for po, pt in zip(self.online.parameters(), self.target.parameters()):
            pt.lerp_(po, 1 - self.tau)
        for bo, bt in zip(self.online.buffers(), self.target.buffers()):
            bt.copy_(bo)

    def forward(self, v1, v2):
        p1, p2 = self.predictor(self.online(v1)), self.predictor(self.online(v2))
        with torch.no_grad():
            t1, t2 = self.target(v1).detach(), self.target(v2).detach()
        return (4 - 2 * F.cosine_similarity(p1, t2) - 2 * F.cosine_similarity(p2, t1)).mean()


X = torch.tensor(load_digits().data, dtype=torch.float32) / 16


def view(x):
    return x * (torch.rand_like(x) > 0.2) + 0.1 * torch.randn_like(x)


model = BYOL()
opt = torch.optim.Adam([*model.online.parameters(), *model.predictor.parameters()], lr=6e-4)

with Inspector(
    {"online": model.online, "target": model.target, "predictor": model.predictor}
) as inspector:
    for step in range(60):
        x = X[torch.randperm(len(X))[:96]]
        loss = model(view(x), view(x))
        opt.zero_grad()
        loss.backward()
        opt.step()
        model.update_target()
        if step % 20 == 0:
            print(step, loss.item())
diagnosis = inspector.diagnose()
