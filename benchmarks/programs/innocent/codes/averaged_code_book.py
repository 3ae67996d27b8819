"""VQ with a code book that is no parameter: moving averages of what was assigned, dead codes restarted.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import batches, mlp
from collapse_doctor import Inspector


class Quantiser(nn.Module):
    def __init__(self, k=32, d=8, decay=0.95):
        super().__init__()
        self.decay = decay
        self.register_buffer("codes", torch.randn(k, d))
        self.register_buffer("count", torch.ones(k))
        self.register_buffer("total", self.codes.clone())

    def forward(self, z):
        idx = torch.cdist(z, self.codes).argmin(1)
        q = self.codes[idx]
        if self.training:
            with torch.no_grad():
                hot = F.one_hot(idx, len(self.codes)).float()
                self.count.mul_(self.decay).add_(hot.sum(0), alpha=1 - self.decay)
                self.total.mul_(self.decay).add_(hot.T @ z, alpha=1 - self.decay)
                self.codes.copy_(self.total / self.count.clamp(min=1e-3)[:, None])
                dead = self.count < 0.2
                fresh = z[torch.randint(len(z), (int(dead.sum()),))]
                self.codes[dead] = fresh
                self.total[dead] = fresh
                self.count[dead] = 1.0
        return z + (q - z).detach(), 0.25 * F.mse_loss(z, q.detach()), idx


class VQVAE(nn.Module):
    def __init__(self):
        super().__init__()
        self.enc, self.vq, self.dec = mlp(64, 96, 16), Quantiser(), mlp(16, 96, 64)

    def forward(self, x):
        z = self.enc(x).view(-1, 8)
        q, commit, idx = self.vq(z)
        return self.dec(q.view(-1, 16)), commit, idx


model = VQVAE()
opt = torch.optim.Adam(model.parameters(), lr=2e-3)
with Inspector(model) as inspector:
    for x, _ in batches(250, 64):
        rec, commit, idx = model(x)
        loss = F.mse_loss(rec, x) + commit
        opt.zero_grad()
        loss.backward()
        opt.step()
score = len(idx.unique())
diagnosis = inspector.diagnose()
