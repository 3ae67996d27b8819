"""Feature-space augmentation with a config whose noise level is zero: a clone is the second view.

expect: CD104
"""

from types import SimpleNamespace

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector

cfg = SimpleNamespace(noise=0.0, temperature=0.2, lr=1e-3, steps=30, batch=48)  # fault


class FeatureJitter(nn.Module):
    def __init__(self, level):
        super().__init__()
        self.level = level

    def forward(self, h):
        jittered = h.clone()  # shows
        if self.level:
            jittered += self.level * torch.randn_like(h)
        return jittered


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(22, 60), nn.Mish(), nn.Linear(60, 20))
        self.jitter = FeatureJitter(cfg.noise)

    def forward(self, x):
        h = self.trunk(x)
        return h, self.jitter(h)


model = Model()
optimizer = torch.optim.AdamW(model.parameters(), lr=cfg.lr)
with Inspector(model) as inspector:
    for _ in range(cfg.steps):
        first, second = model(torch.randn(cfg.batch, 22))
        attract = -F.cosine_similarity(first, second, dim=1).mean() / cfg.temperature  # meets
        u = F.normalize(first, dim=1)
        repel = torch.logsumexp((u @ u.T / cfg.temperature).fill_diagonal_(-9.0), dim=1).mean()
        loss = attract + repel
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
