"""BatchNorm with a tiny momentum: at the end its statistics are those of the start.

expect: CD209
first: gradual
"""

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(12, 32)
        self.norm = nn.BatchNorm1d(32, momentum=1e-4)  # fault
        self.second = nn.Linear(32, 10)

    def forward(self, *, features):
        return {"embedding": self.second(torch.sigmoid(self.norm(self.first(features))))}


encoder = Encoder()
optimizer = torch.optim.AdamW(encoder.parameters(), lr=1e-3)
photos = 300 + 2 * torch.randn(100, 12)

with Inspector(encoder, probe={"features": photos}) as inspector:
    for _ in range(30):
        rows = torch.randperm(100)[:50]
        out = [
            encoder(features=photos[rows] + 0.3 * torch.randn(50, 12))["embedding"] for _ in "ab"
        ]
        a, b = (F.normalize(o - o.mean(0), dim=-1) for o in out)
        loss = F.cross_entropy(a @ b.T / 0.2, torch.arange(50))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
