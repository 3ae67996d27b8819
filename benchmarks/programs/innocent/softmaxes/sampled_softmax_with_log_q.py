"""Retrieval with sampled candidates, a logQ correction and a temperature of 0.05.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector

TEMPERATURE = 0.05


class Towers(nn.Module):
    def __init__(self, items=300):
        super().__init__()
        self.user = nn.Sequential(nn.Linear(24, 64), nn.ReLU(), nn.Linear(64, 32))
        self.item = nn.Embedding(items, 32)

    def forward(self, x, ids):
        return self.user(x), self.item(ids)


popularity = torch.softmax(torch.randn(300), 0)
taste = torch.randn(300, 24)
towers = Towers()
optimizer = torch.optim.Adam(towers.parameters(), lr=3e-3)
with Inspector(towers) as inspector:
    for _ in range(80):
        ids = torch.multinomial(popularity, 64)
        u, v = towers(taste[ids] + 0.3 * torch.randn(64, 24), ids)
        q, k = F.normalize(u, dim=-1), F.normalize(v, dim=-1)
        logits = (q @ k.T) / TEMPERATURE - popularity[ids].log()
        loss = F.cross_entropy(logits, torch.arange(64))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
