"""A triplet loss of two small functions; the positive was overwritten by the anchor.

expect: CD101
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, batches
from collapse_doctor import Inspector


def euclid(p, q):
    return (p - q).pow(2).sum(1).sqrt()


def triplet(a, p, n, m=1.0):
    return F.relu(euclid(a, p) - euclid(a, n) + m).mean()


model = Encoder()
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
with Inspector(model) as inspector:
    for x, _ in batches(size=48):
        a, p, n = model(x).chunk(3)
        p = a  # fault
        loss = triplet(a, p, n)  # meets
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
