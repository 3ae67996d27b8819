"""Each view asks a fresh random stream for its noise, always with the seed of the run.

expect: CD107
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector

SEED = 7


def stream():
    return torch.Generator().manual_seed(SEED)  # fault


class Views:
    def __init__(self, strength):
        self.strength = strength

    def __call__(self, x):
        noise = torch.randn(x.shape, generator=stream())
        return x + self.strength * noise


views = Views(0.3)
net = nn.Sequential(nn.Linear(25, 60), nn.SiLU(), nn.Linear(60, 20))
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
with Inspector(net) as inspector:
    for _ in range(25):
        x = torch.randn(50, 25)
        codes = [F.normalize(net(views(x)), dim=1) for _ in range(2)]  # shows
        logits = torch.mm(codes[0], codes[1].t()) / 0.1
        loss = F.cross_entropy(logits, torch.arange(50))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
