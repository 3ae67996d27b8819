"""Consistency with the own clean prediction, beside the labels.

expect: healthy
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import augment, batches, mlp
from collapse_doctor import Inspector

model = mlp(64, 64, 10)
optimizer = torch.optim.SGD(model.parameters(), 0.05, 0.9)
with Inspector(model) as inspector:
    for x, y in batches(80, 80):
        loss = F.cross_entropy(model(x[:32]), y[:32])
        u = model(augment(x[32:]))
        with torch.no_grad():
            t = model(x[32:]).softmax(1)
        loss = loss + ((u.softmax(1) - t) ** 2).sum(1).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        inspector.step(loss=loss, labels=y[:32])
diagnosis = inspector.diagnose()
