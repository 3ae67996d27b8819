"""Positives are embedded by a function behind an lru_cache: from epoch 2 on they are old ones.

expect: CD106
first: 8
"""

from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector

samples = torch.randn(128, 21)
pairs = samples + 0.3 * torch.randn(128, 21)
network = nn.Sequential(nn.Linear(21, 63), nn.ReLU(), nn.Linear(63, 21))
optimizer = torch.optim.Adam(network.parameters(), lr=3e-3)


@lru_cache(maxsize=256)  # fault
def positive(start):
    with torch.no_grad():
        return network(pairs[start : start + 16])


with Inspector(network) as inspector:
    for _epoch in range(5):
        for start in range(0, 128, 16):
            z = network(samples[start : start + 16])
            pull = F.mse_loss(z, positive(start))  # meets
            push = F.relu(1 - z.std(dim=0)).mean()
            loss = pull + push
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

diagnosis = inspector.diagnose()
