"""One negative of each row by a permutation that is sorted: two logits side by side, and one.

expect: CD104
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import augment, batches
from collapse_doctor import Inspector


class Pairs(nn.Module):
    def __init__(self, width=32):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(64, 96), nn.GELU(), nn.Linear(96, width))

    def forward(self, x):
        return F.normalize(self.net(x), dim=-1)


def two_way(query, key, temperature=0.1):
    other = torch.randperm(len(key)).sort().values  # fault
    wrong = key[other]
    logits = torch.stack([(query * key).sum(-1), (query * wrong).sum(-1)], dim=-1)  # meets
    return F.cross_entropy(logits / temperature, torch.zeros(len(query), dtype=torch.long))


net = Pairs()
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
with Inspector(net) as inspector:
    for x, _ in batches(30):
        loss = two_way(net(augment(x)), net(augment(x)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
