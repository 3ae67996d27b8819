"""Augmentations are composed by functools.reduce; at their defaults they do nothing.

expect: CD107
"""

import functools

import torch
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, batches
from collapse_doctor import Inspector


def shift(x, by=0):
    return x.roll(by, dims=1)


def noise(x, strength=0.0):  # fault
    return x + strength * torch.randn_like(x)


def compose(*steps):
    return lambda x: functools.reduce(lambda value, step: step(value), steps, x)


transform = compose(shift, noise)
model = Encoder()
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
with Inspector(model) as inspector:
    for x, _ in batches(20):
        first, second = (model(transform(x)) for _ in range(2))  # fault
        loss = (1 - F.cosine_similarity(first, second)).mean()  # meets
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
