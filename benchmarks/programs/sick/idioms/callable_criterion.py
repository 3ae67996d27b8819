"""A callable object takes a pair; the pair is built with the first view twice.

expect: CD101
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, augment, batches
from collapse_doctor import Inspector


class Criterion:
    def __init__(self, margin):
        self.margin = margin

    def __call__(self, pair):
        a, b = pair
        positive = F.pairwise_distance(a, b)  # meets
        negative = F.pairwise_distance(a, b.roll(1, dims=0))
        return (positive - negative + self.margin).clamp(min=0).mean()


def pair_up(*views):
    first, *_rest = views
    return first, first  # fault


criterion, model = Criterion(1.0), Encoder()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
with Inspector(model) as inspector:
    for x, _ in batches(20):
        pair = pair_up(model(x), model(augment(x)))
        loss = criterion(pair)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
