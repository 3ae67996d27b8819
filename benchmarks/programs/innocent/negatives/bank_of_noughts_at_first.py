"""Keys of a bank that is empty at first, and both ways of one pair side by side for a symmetric loss.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import augment, batches, mlp
from collapse_doctor import Inspector


class Bank(nn.Module):
    def __init__(self, width=24, size=64):
        super().__init__()
        self.net = mlp(64, 96, width)
        self.register_buffer("keys", torch.zeros(size, width))
        self.at = 0

    def forward(self, x):
        return F.normalize(self.net(x), dim=-1)

    @torch.no_grad()
    def keep(self, z):
        self.keys[self.at : self.at + len(z)] = z
        self.at = (self.at + len(z)) % len(self.keys)


bank = Bank()
optimizer = torch.optim.Adam(bank.parameters(), lr=1e-3)
with Inspector(bank) as inspector:
    for x, _ in batches(60, 16):
        q, k = bank(augment(x)), bank(augment(x))
        drawn = bank.keys[torch.randint(0, 64, (16, 5))]
        positive = F.cosine_similarity(q, k, dim=-1)
        both = torch.stack([positive, F.cosine_similarity(k, q, dim=-1)], -1).mean(-1)
        negative = torch.einsum("nd,nkd->nk", q, drawn)
        logits = torch.cat([both[:, None], negative], -1) / 0.2
        loss = F.cross_entropy(logits, torch.zeros(16, dtype=torch.long))
        loss = loss + F.cross_entropy(q @ k.T / 0.2, torch.arange(16))
        loss = loss + F.relu(0.1 - positive + positive.detach()).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        bank.keep(k.detach())
diagnosis = inspector.diagnose()
