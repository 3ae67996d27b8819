"""A context manager lends the trainer an embedding under two names.

expect: CD101
"""

import contextlib

import torch
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, batches
from collapse_doctor import Inspector


@contextlib.contextmanager
def views(model, x):
    z = model(x)
    yield z, z  # fault


model = Encoder()
optimizer = torch.optim.Adam(model.parameters())
with Inspector(model) as inspector:
    for x, _ in batches():
        with views(model, x) as (first, second):
            loss = F.smooth_l1_loss(first, second)  # meets
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
