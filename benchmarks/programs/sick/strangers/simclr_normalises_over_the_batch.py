"""The projection head normalises with dim=0, so the columns of a batch have unit length and the rows have not; NT-Xent then works on tiny dot products.

expect: CD206
"""

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

from collapse_doctor import Inspector

torch.manual_seed(23)


class SimCLR(nn.Module):
    def __init__(self, feat=64, proj=30):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1),
            nn.BatchNorm2d(16),
            nn.ReLU(),
            nn.Conv2d(16, 32, 3, stride=2, padding=1),
            nn.BatchNorm2d(32),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(2),
            nn.Flatten(),
            nn.Linear(128, feat),
        )
        self.projector = nn.Sequential(nn.ReLU(), nn.Linear(feat, proj))

    def forward(self, x):
        h = self.encoder(x)
        return F.normalize(self.projector(h), dim=0)  # fault


def two_views(x):
    def view(v):
        v = v + 0.15 * torch.randn_like(v)
        keep = (torch.rand_like(v) > 0.1).float()
        return torch.roll(v * keep, int(torch.randint(-1, 2, ())), dims=-1)

    return torch.cat([view(x), view(x)])


def nt_xent(z, temperature=0.1):
    n = len(z) // 2
    sim = z @ z.T / temperature  # meets
    sim.fill_diagonal_(float("-inf"))
    partner = torch.arange(2 * n).roll(n)
    return F.cross_entropy(sim, partner)


x_all = torch.tensor(load_digits().images, dtype=torch.float32).unsqueeze(1) / 16
model = SimCLR()
opt = torch.optim.Adam(model.parameters(), lr=1e-3)

with Inspector(model) as inspector:
    for epoch in range(2):
        for idx in torch.randperm(len(x_all))[:900].split(50):
            loss = nt_xent(model(two_views(x_all[idx])))
            opt.zero_grad()
            loss.backward()
            opt.step()
diagnosis = inspector.diagnose()
