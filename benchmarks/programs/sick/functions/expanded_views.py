"""Two views are unbound from an expanded tensor: expand() copies nothing.

expect: CD102
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, batches
from collapse_doctor import Inspector


def two(z):
    return z.unsqueeze(0).expand(2, -1, -1).unbind()  # fault


model = Encoder()
optimizer = torch.optim.Adam(model.parameters())
with Inspector(model) as inspector:
    for x, _ in batches():
        loss = F.pairwise_distance(*two(model(x))).mean()  # meets
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
