"""A singledispatch function turns tensors into targets, by detaching them.

expect: CD103
"""

import functools

import torch
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, batches
from collapse_doctor import Inspector


@functools.singledispatch
def target_of(value):
    raise TypeError(value)


@target_of.register
def _(value: torch.Tensor):
    return value.detach()  # fault


model = Encoder()
optimizer = torch.optim.Adam(model.parameters())
with Inspector(model) as inspector:
    for x, _ in batches():
        z = model(x)
        loss = F.l1_loss(z, target_of(z))  # meets
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
