"""Partners are drawn by an order that was to be shuffled.

expect: CD104
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, batches
from collapse_doctor import Inspector


def partners(z):
    order = torch.arange(len(z))  # fault
    return z[order]  # fault


def pull(one, other, same, margin=1.0):
    apart = F.pairwise_distance(one, other)  # meets
    return (same * apart**2 + (1 - same) * F.relu(margin - apart) ** 2).mean()


model = Encoder()
optimizer = torch.optim.Adam(model.parameters())
with Inspector(model) as inspector:
    for x, y in batches(20):
        z = model(x)
        loss = pull(z, partners(z), (y == y.roll(1)).float())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
