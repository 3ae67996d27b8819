"""Retrieval with sampled candidates: the logQ correction is right, the temperature is 400.

expect: CD207
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector

TEMPERATURE = 400  # fault


def scores(users, items, log_q):
    q, k = F.normalize(users, dim=-1), F.normalize(items, dim=-1)
    return (q @ k.T) / TEMPERATURE - log_q  # shows


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
optimizer = torch.optim.SGD(towers.parameters(), lr=0.1)
with Inspector(towers) as inspector:
    for _ in range(50):
        ids = torch.multinomial(popularity, 64, replacement=True)
        u, v = towers(taste[ids] + 0.3 * torch.randn(64, 24), ids)
        logits = scores(u, v, popularity[ids].log())
        loss = F.cross_entropy(logits, torch.arange(64))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
