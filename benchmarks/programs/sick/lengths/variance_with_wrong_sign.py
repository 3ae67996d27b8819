"""The variance is subtracted instead of held at one: there is always more of it to be had.

expect: CD302, CD309
first: gradual
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import augment, batches, mlp
from collapse_doctor import Inspector


def vicreg(za, zb):
    invariance = F.mse_loss(za, zb)
    variance = za.var(0).mean() + zb.var(0).mean()
    return invariance - variance


model = mlp(64, 128, 64)
optimizer = torch.optim.Adam(model.parameters(), 0.003)
with Inspector(model) as inspector:
    for i, (x, _) in enumerate(batches(260, 128)):
        optimizer.zero_grad()
        loss = vicreg(model(augment(x)), model(augment(x)))
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
