"""A generator yields the loss of each batch, of one embedding under two names.

expect: CD101
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, batches
from collapse_doctor import Inspector

model = Encoder()
optimizer = torch.optim.Adam(model.parameters())


def losses():
    for x, _ in batches():
        za = model(x)
        zb = za  # fault
        yield F.pairwise_distance(za, zb).mean()  # meets


with Inspector(model) as inspector:
    for loss in losses():
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
