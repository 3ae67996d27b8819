"""A deep encoder whose author wrote x = block(x) where x + block(x) was meant.

expect: CD311
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import augment, batches
from collapse_doctor import Inspector


class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.inner = nn.Sequential(
            nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width)
        )

    def forward(self, x):
        return self.inner(x)  # fault


class Encoder(nn.Module):
    def __init__(self, depth=12, width=64):
        super().__init__()
        self.stem = nn.Linear(64, width)
        self.blocks = nn.ModuleList([Block(width) for _ in range(depth)])
        self.project = nn.Linear(width, 32)

    def forward(self, x):
        x = self.stem(x)
        for block in self.blocks:
            x = block(x)
        return F.normalize(self.project(x), dim=-1)


def info_nce(a, b, temperature=0.2):
    target = torch.arange(len(a))
    return 0.5 * (
        F.cross_entropy(a @ b.T / temperature, target)
        + F.cross_entropy(b @ a.T / temperature, target)
    )


encoder = Encoder()
opt = torch.optim.AdamW(encoder.parameters(), lr=3e-4)
with Inspector(encoder) as inspector:
    for x, _ in batches(230, 48):
        loss = info_nce(encoder(augment(x)), encoder(augment(x)))
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
