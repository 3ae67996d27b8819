"""A system with ``training_step`` and ``encode`` that learns from two views.

expect: healthy
"""

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector


class System(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 64))
        self.projector = nn.Sequential(nn.ReLU(), nn.Linear(64, 32))

    def encode(self, x):
        return self.encoder(x)

    def training_step(self, batch):
        views = [batch + 0.2 * torch.randn_like(batch) for _ in range(2)]
        one, two = (F.normalize(self.projector(self.encode(view)), dim=-1) for view in views)
        return F.cross_entropy(one @ two.T / 0.2, torch.arange(len(one)))


X = torch.tensor(load_digits().data).float() / 16
system = System()
opt = torch.optim.Adam(system.parameters(), 1e-3)
with Inspector(system) as inspector:
    for _ in range(150):
        opt.zero_grad()
        loss = system.training_step(X[torch.randint(len(X), (64,))])
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
