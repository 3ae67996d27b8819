"""The second view of a contrastive loss over all pairs is a clone of the first.

expect: CD104
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, batches
from collapse_doctor import Inspector

model = Encoder()
optimizer = torch.optim.Adam(model.parameters())


def ntx(z1, z2):
    s = F.normalize(z1, dim=1) @ F.normalize(z2, dim=1).T / 0.5  # meets
    return F.cross_entropy(s, torch.arange(len(s)))


with Inspector(model) as inspector:
    for x, _ in batches():
        z1 = model(x)
        z2 = z1.clone()  # fault
        loss = ntx(z1, z2)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
