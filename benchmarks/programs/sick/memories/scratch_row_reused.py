"""Positives are gathered into a scratch tensor that the next pass writes into again before the loss.

expect: CD109
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector

SCRATCH = torch.empty(32, 16)


class Enc(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(40, 64), nn.ReLU(), nn.Linear(64, 16))

    def forward(self, x):
        return self.net(x)


@torch.no_grad()
def embed_into(enc, x):
    SCRATCH.copy_(enc(x))  # fault
    return SCRATCH


enc = Enc()
opt = torch.optim.Adam(enc.parameters(), 1e-3)
with Inspector(enc) as inspector:
    for step in range(40):
        x = torch.randn(32, 40)
        z = enc(x + 0.1 * torch.randn_like(x))
        pos = embed_into(enc, x + 0.1 * torch.randn_like(x))
        neg = embed_into(enc, torch.randn(32, 40))
        loss = F.triplet_margin_loss(z, pos, neg, margin=0.5)  # shows, meets
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
