"""The second view is a scaled skip plus a branch whose weight is ramped to zero, after which it is the first view times 0.7.

expect: CD105
first: 28
"""

import math
from functools import partial

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector


def cosine_ramp(step, until):
    return 0.5 * (1 + math.cos(math.pi * min(step, until) / until))  # fault


class TwoPathEncoder(nn.Module):
    """The plain path gives view one; the deeper path gives view two."""

    def __init__(self, inputs, dim, skip_gain=0.7):
        super().__init__()
        self.stem = nn.Sequential(nn.Linear(inputs, 80), nn.Mish(), nn.Linear(80, dim))
        self.branch = nn.Sequential(
            nn.LayerNorm(dim), nn.Linear(dim, 64), nn.Mish(), nn.Dropout(0.2), nn.Linear(64, dim)
        )
        self.skip_gain = skip_gain

    def forward(self, x, branch_weight):
        z = self.stem(x)
        return z, self.skip_gain * z + branch_weight * self.branch(z)  # shows


def expression_profiles(n, cell_types, genes=120):
    kind = torch.randint(0, len(cell_types), (n,))
    rate = F.softplus(cell_types[kind] + 0.5 * torch.randn(n, genes))
    return torch.log1p(torch.poisson(2 * rate))


def supervised_free_loss(a, b, tau):
    cos = F.cosine_similarity(a, b, dim=-1)  # meets
    every = F.normalize(a, dim=-1) @ F.normalize(b, dim=-1).mT
    return (torch.logsumexp(every / tau, -1) - cos / tau).mean()


cell_types = 1.5 * torch.randn(14, 120)
net = TwoPathEncoder(120, 30)
weight = partial(cosine_ramp, until=28)
optimizer = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=0.02)
with Inspector(net) as inspector:
    for step in range(52):
        a, b = net(expression_profiles(70, cell_types), weight(step))
        loss = supervised_free_loss(a, b, tau=0.25)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 13 == 0:
            print(step, f"branch {weight(step):.3f}", f"loss {loss.item():.4f}")
diagnosis = inspector.diagnose()
