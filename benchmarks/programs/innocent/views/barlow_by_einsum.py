"""The cross-correlation of Barlow Twins by einsum, of columns brought to mean 0 and length 1.

expect: healthy
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import augment, batches, mlp
from collapse_doctor import Inspector

model = mlp(64, 128, 24)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)


def unit(z):
    return F.normalize(z - z.mean(0), dim=0)


with Inspector(model) as inspector:
    for x, _ in batches(40, 128):
        a, b = unit(model(augment(x))), unit(model(augment(x)))
        c = torch.einsum("bi,bj->ij", a, b)
        off = c - torch.diag(c.diagonal())
        loss = (1 - c.diagonal()).square().sum() + 0.05 * off.square().sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
