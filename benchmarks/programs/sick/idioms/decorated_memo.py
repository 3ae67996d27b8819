"""A decorator remembers by the shape of the batch: the second view is the first one's embedding.

expect: CD101
"""

import functools

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, augment, batches
from collapse_doctor import Inspector


def once_per_step(function):
    seen = {}

    @functools.wraps(function)
    def wrapper(step, x):
        key = (step, tuple(x.shape))
        if key not in seen:
            seen.clear()
            seen[key] = function(step, x)
        return seen[key]  # fault

    return wrapper


encoder, decoder = Encoder(), nn.Linear(32, 64)
optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=1e-3)


@once_per_step
def embed(step, x):
    return encoder(x)


with Inspector(encoder) as inspector:
    for step, (x, _) in enumerate(batches(20)):
        first, second = embed(step, augment(x)), embed(step, augment(x))  # fault
        loss = F.smooth_l1_loss(first, second) + F.mse_loss(decoder(second), x)  # meets
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
