"""A code book of 64 of which some twenty entries are in use, returned as it is looked up.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import DIGITS, batches, mlp
from collapse_doctor import Inspector

X = 2 * (DIGITS - DIGITS.mean(0))


class Quantiser(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = mlp(64, 64, 16)
        with torch.no_grad():
            start = self.encoder(X[:64])
        self.book = nn.Parameter(start.clone())

    def forward(self, x):
        z = self.encoder(x)
        q = F.embedding(torch.cdist(z, self.book).argmin(1), self.book)
        loss = F.mse_loss(q, z.detach()) + 0.25 * F.mse_loss(z, q.detach())
        return z + (q - z).detach(), q, loss


model, decoder = Quantiser(), mlp(16, 64, 64)
optimizer = torch.optim.Adam([*model.parameters(), *decoder.parameters()], lr=1e-3)
with Inspector(model) as inspector:
    for x, _ in batches(120, 80, inputs=X):
        z, q, extra = model(x)
        loss = F.mse_loss(decoder(z), x) + extra
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
