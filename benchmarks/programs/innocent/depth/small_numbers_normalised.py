"""A table drawn small is normalised at once: its gradient is thousands of times that behind.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector


class Text(nn.Module):
    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(80, 48)
        nn.init.normal_(self.table.weight, std=2e-4)
        self.norm = nn.LayerNorm(48, eps=1e-12)
        self.mix = nn.Sequential(nn.Linear(48, 96), nn.GELU(), nn.Linear(96, 48))
        self.out = nn.Linear(48, 24)

    def forward(self, ids):
        h = self.norm(self.table(ids))
        return self.out((h + self.mix(h)).mean(1))


model = Text()
optimizer = torch.optim.AdamW(model.parameters(), lr=2e-6)
with Inspector(model) as inspector:
    for _ in range(50):
        ids = torch.randint(0, 80, (32, 10))
        other = torch.where(torch.rand(32, 10) < 0.2, torch.randint(0, 80, (32, 10)), ids)
        a, b = F.normalize(model(ids)), F.normalize(model(other))
        loss = F.cross_entropy(a @ b.T / 0.1, torch.arange(32))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
