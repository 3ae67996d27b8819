"""The augmentation seeds the generator each time, so that both views are equal.

expect: CD107
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, batches
from collapse_doctor import Inspector

model = Encoder()
optimizer = torch.optim.Adam(model.parameters())


def augment(x):
    torch.manual_seed(3)  # fault
    return x + 0.1 * torch.randn_like(x)


with Inspector(model) as inspector:
    for x, _ in batches(6):
        z1 = model(augment(x))
        z2 = model(augment(x))  # fault
        loss = 1 - F.cosine_similarity(z1, z2).mean() + 0.01 * z1.var()  # meets
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
