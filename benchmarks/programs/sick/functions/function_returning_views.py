"""A function returns one embedding as both views.

expect: CD101
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, batches
from collapse_doctor import Inspector

model = Encoder()
optimizer = torch.optim.Adam(model.parameters())


def two_views(x):
    z = model(x)
    return z, z  # fault


with Inspector(model) as inspector:
    for x, _ in batches():
        z1, z2 = two_views(x)
        loss = 1 - F.cosine_similarity(z1, z2).mean()  # meets
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
