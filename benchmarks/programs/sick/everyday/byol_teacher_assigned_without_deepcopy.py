"""The target network is assigned instead of deep-copied, so the teacher is the student.

expect: CD108
"""

import torch
import torch.nn as nn
import torch.nn.functional as F

from collapse_doctor import Inspector


def mlp(i, h, o):
    return nn.Sequential(nn.Linear(i, h), nn.BatchNorm1d(h), nn.ReLU(inplace=True), nn.Linear(h, o))


class BYOL(nn.Module):
    def __init__(self, encoder, dim=32, tau=0.97):
        super().__init__()
        self.online = encoder
        self.target = encoder  # fault
        self.predictor = mlp(dim, 64, dim)
        self.tau = tau

    @torch.no_grad()
    def update_target(self):
        for po, pt in zip(self.online.parameters(), self.target.parameters()):
            pt.data = self.tau * pt.data + (1 - self.tau) * po.data

    def forward(self, v1, v2):
        p1, p2 = self.predictor(self.online(v1)), self.predictor(self.online(v2))
        with torch.no_grad():
            t1, t2 = self.target(v1), self.target(v2)  # shows
        loss = (2 - 2 * F.cosine_similarity(p1, t2, dim=-1)) + (
            2 - 2 * F.cosine_similarity(p2, t1, dim=-1)
        )  # meets
        return loss.mean()


def load_ecg(n=800, t=90):
    """synthetic beats: a few bumps with patient-specific places and heights"""
    grid = torch.linspace(0, 1, t)
    mu = torch.tensor([0.2, 0.45, 0.5, 0.55, 0.75]) + 0.04 * torch.randn(n, 5)
    amp = torch.tensor([0.2, -0.2, 1.0, -0.3, 0.4]) * (1 + 0.5 * torch.randn(n, 5))
    return (amp[:, :, None] * torch.exp(-(((grid - mu[:, :, None]) / 0.02) ** 2))).sum(1)


def view(x):
    x = x.roll(int(torch.randint(-4, 5, ())), dims=1)
    return x * (1 + 0.2 * torch.randn(len(x), 1)) + 0.08 * torch.randn_like(x)


beats = load_ecg()
byol = BYOL(nn.Sequential(nn.Linear(90, 128), nn.BatchNorm1d(128), nn.ReLU(), mlp(128, 96, 32)))
opt = torch.optim.Adam([*byol.online.parameters(), *byol.predictor.parameters()], lr=1e-3)

with Inspector(
    {"online": byol.online, "target": byol.target, "predictor": byol.predictor}
) as inspector:
    for step in range(60):
        x = beats[torch.randperm(len(beats))[:64]]
        loss = byol(view(x), view(x))
        opt.zero_grad()
        loss.backward()
        opt.step()
        byol.update_target()
        if step % 20 == 0:
            print(f"[{step}] {loss.item():.4f}")
diagnosis = inspector.diagnose()
