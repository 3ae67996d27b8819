"""BYOL's regression loss, as its paper writes it, on a target cut from the online output.

expect: CD103
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, batches
from collapse_doctor import Inspector


def reg(a, b):
    a = F.normalize(a, dim=-1)
    b = F.normalize(b, dim=-1)
    return 2 - 2 * (a * b).sum(dim=-1)  # meets


model = Encoder()
optimizer = torch.optim.Adam(model.parameters())
with Inspector(model) as inspector:
    for x, _ in batches():
        z = model(x)
        t = z.detach()  # fault
        loss = reg(z, t).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
