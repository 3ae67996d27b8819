"""A VQ-VAE whose code book starts from data.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import batches, mlp
from collapse_doctor import Inspector


class VQ(nn.Module):
    def __init__(self):
        super().__init__()
        self.e = mlp(64, 128, 8)
        self.cb = nn.Embedding(64, 8)
        self.d = mlp(8, 128, 64)
        self.rs = 0

    def forward(self, x):
        ze = self.e(x)
        if self.rs < 3:
            self.rs += 1
            self.cb.weight.data.copy_(ze.detach()[torch.randint(0, len(ze), (64,))])
        k = torch.cdist(ze, self.cb.weight).argmin(1)
        zq = self.cb(k)
        st = ze + (zq - ze).detach()
        return self.d(st), ze, zq


model = VQ()
optimizer = torch.optim.Adam(model.parameters(), 0.001)
with Inspector(model) as inspector:
    for x, y in batches(400, 128):
        r, ze, zq = model(x)
        loss = F.mse_loss(r, x) + F.mse_loss(zq, ze.detach()) + 0.25 * F.mse_loss(ze, zq.detach())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
