"""Two crops of a series should start at different times; randrange(1) starts both at nought.

expect: CD107
"""

import random

import torch
import torch.nn as nn
import torch.nn.functional as F

from collapse_doctor import Inspector

series = torch.cumsum(torch.randn(300, 3, 128), -1) / 10


class TCN(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList(
            nn.Conv1d(i, 24, 3, dilation=d, padding=d) for i, d in ((3, 1), (24, 2), (24, 4))
        )
        self.out = nn.Linear(24, 16)

    def forward(self, x):
        for layer in self.layers:
            x = F.gelu(layer(x))
        return self.out(x.amax(-1))


def crop(batch, length=64, jitter=1):
    start = random.randrange(jitter)  # fault
    return batch[..., start : start + length]


net = TCN()
opt = torch.optim.AdamW(net.parameters(), 1e-3)
with Inspector(net) as inspector:
    for step in range(60):
        x = series[torch.randint(300, (24,))]
        a, b = net(crop(x)), net(crop(x))  # shows
        a, b = F.normalize(a, dim=-1), F.normalize(b, dim=-1)
        logits = torch.einsum("id,jd->ij", a, b) / 0.1  # meets
        loss = F.cross_entropy(logits, torch.arange(24))
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
