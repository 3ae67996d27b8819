"""Validation leaves the model in eval mode, and the encoder only builds a graph in train mode, so it stops learning.

expect: CD201
first: 18
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector


@dataclass
class Cfg:
    genes: int = 150
    types: int = 9
    latent: int = 24
    batch: int = 64
    steps_per_epoch: int = 18
    epochs: int = 3


class CellModel(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Linear(cfg.genes, 96), nn.LayerNorm(96), nn.ReLU(), nn.Linear(96, cfg.latent)
        )
        self.decoder = nn.Linear(cfg.latent, cfg.genes)
        self.head = nn.Linear(cfg.latent, cfg.types)

    def forward(self, x):
        with torch.set_grad_enabled(self.training):  # saves memory at inference
            z = self.encoder(x)
        return z, self.decoder(z), self.head(z)


class Fit:
    def __init__(self, cfg):
        self.cfg = cfg
        self.signatures = torch.randn(cfg.types, cfg.genes)
        self.model = CellModel(cfg)
        self.opt = torch.optim.AdamW(self.model.parameters(), lr=2e-3)
        self.val = self.sample(120)

    def sample(self, n):
        y = torch.randint(self.cfg.types, (n,))
        rate = F.softplus(self.signatures[y] + 0.7 * torch.randn(n, self.cfg.genes))
        return torch.log1p(torch.poisson(rate)), y

    def loss(self, x, y):
        z, rec, logits = self.model(x)
        n = F.normalize(z, dim=1)
        sim = n @ n.T
        same = (y[:, None] == y[None]).float()
        metric = (same * (1 - sim) + (1 - same) * F.relu(sim - 0.2)).mean()  # meets
        return F.cross_entropy(logits, y) + F.mse_loss(rec, x) + metric

    def validate(self):
        self.model.eval()  # fault
        with torch.no_grad():
            return self.loss(*self.val).item()

    def run(self):
        for epoch in range(self.cfg.epochs):
            for _ in range(self.cfg.steps_per_epoch):
                loss = self.loss(*self.sample(self.cfg.batch))
                self.opt.zero_grad()
                loss.backward()
                self.opt.step()
            print(f"epoch {epoch} train {loss.item():.3f} val {self.validate():.3f}")


fit = Fit(Cfg())
fit.model.train()
with Inspector(fit.model) as inspector:
    fit.run()
diagnosis = inspector.diagnose()
