"""Negatives are pushed apart by their inner product, which has no floor.

expect: CD302, CD309
first: gradual
"""

import torch
from torch import nn

from benchmarks.programs.common import augment, batches
from collapse_doctor import Inspector


class Tower(nn.Module):
    def __init__(self, d=32):
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(64, 100), nn.Linear(100, 100), nn.Linear(100, d)])

    def forward(self, x):
        for layer in self.layers[:-1]:
            x = torch.tanh(layer(x))
        return self.layers[-1](x)


tower = Tower()
optim = torch.optim.AdamW(tower.parameters(), lr=0.01, weight_decay=0.0)
doctor = Inspector(tower)
with doctor:
    for batch, _ in batches(600, 50):
        q, k = tower(augment(batch)), tower(augment(batch))
        positives = (q * k).sum(dim=1)
        negatives = (q * k.flip(0)).sum(dim=1)
        objective = (negatives - positives).mean()
        optim.zero_grad()
        objective.backward()
        optim.step()
diagnosis = doctor.diagnose()
