"""A probe batch's detached embeddings are kept from one check to the next and compared, but only for the log, outside the loss.

expect: healthy
"""

import torch
import torch.nn as nn
import torch.nn.functional as F

from collapse_doctor import Inspector


class DriftMonitor:
    def __init__(self, model, probe, every):
        self.model, self.probe, self.every = model, probe, every
        self.last, self.log = None, []

    @torch.no_grad()
    def __call__(self, step):
        if step % self.every:
            return
        now = self.model(self.probe).detach().clone()
        if self.last is not None:
            self.log.append((step, F.cosine_similarity(now, self.last, dim=1).mean().item()))
        self.last = now


def orders(n, prices):
    basket = torch.poisson(torch.rand(n, 40) * 1.2)
    return torch.log1p(basket * prices)


def vicreg(a, b, width):
    loss = 20 * F.mse_loss(a, b)
    for v in (a, b):
        loss = loss + 20 * F.relu(1 - (v.var(0) + 1e-4).sqrt()).mean()
        c = torch.cov(v.T)
        loss = loss + (c.pow(2).sum() - c.diagonal().pow(2).sum()) / width
    return loss


prices = 1 + 4 * torch.rand(40)
encoder = nn.Sequential(nn.Linear(40, 128), nn.LayerNorm(128), nn.GELU(), nn.Linear(128, 18))
optimizer = torch.optim.Adam(encoder.parameters(), lr=1.5e-3)
monitor = DriftMonitor(encoder, orders(64, prices), every=10)

with Inspector(encoder) as inspector:
    for step in range(60):
        x = orders(110, prices)
        thin = [x * (torch.rand_like(x) > 0.15) for _ in range(2)]
        loss = vicreg(encoder(thin[0]), encoder(thin[1]), 18)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        monitor(step)
print("drift", monitor.log, "loss", loss.item())
diagnosis = inspector.diagnose()
