"""Two towers and a learned temperature, all pairs of a batch.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import batches, mlp
from collapse_doctor import Inspector


class Tower(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.n = mlp(d, 64, 32)

    def forward(self, x):
        return {"emb": F.normalize(self.n(x), dim=-1), "raw": x}


a, b = Tower(32), Tower(32)
scale = nn.Parameter(torch.tensor(2.6))
optimizer = torch.optim.AdamW([*a.parameters(), *b.parameters(), scale], 0.001)
with Inspector({"image": a, "text": b}) as inspector:
    for x, y in batches(200, 32):
        e, f = a(x[:, :32])["emb"], b(x[:, 32:])["emb"]
        g = scale.exp() * e @ f.t()
        t = torch.arange(32)
        loss = (F.cross_entropy(g, t) + F.cross_entropy(g.t(), t)) / 2
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        inspector.step(loss=loss, labels=t)
diagnosis = inspector.diagnose()
