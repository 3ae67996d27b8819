"""A code book drawn far too wide: a few entries near the origin are the nearest to everything.

expect: CD305
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import DIGITS, batches, mlp
from collapse_doctor import Inspector


class Quantised(nn.Module):
    def __init__(self, codes=64, width=16):
        super().__init__()
        self.encoder = mlp(64, 64, width)
        book = 20 * torch.randn(codes, width)  # fault
        book[:3] /= 100
        self.codebook = nn.Parameter(book)

    def forward(self, x):
        z = self.encoder(x)
        q = self.codebook[torch.cdist(z, self.codebook).argmin(dim=1)]
        self.extra = F.mse_loss(q, z.detach()) + 0.25 * F.mse_loss(z, q.detach())
        return z + (q - z).detach()


model, decoder = Quantised(), mlp(16, 64, 64)
optimizer = torch.optim.Adam([*model.parameters(), *decoder.parameters()], lr=1e-3)
with Inspector(model) as inspector:
    for x, _ in batches(330, 64, inputs=2 * (DIGITS - DIGITS.mean(0))):
        loss = F.mse_loss(decoder(model(x)), x) + model.extra
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
