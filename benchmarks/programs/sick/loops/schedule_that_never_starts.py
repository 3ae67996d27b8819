"""The warm-up divides whole numbers: the learning rate stays 0.

expect: CD202
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, augment, batches
from collapse_doctor import Inspector

model = Encoder()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
warm_up = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: step // 1000)  # fault
with Inspector(model) as inspector:
    for x, y in batches(60):
        a, b = model(augment(x)), model(augment(x))
        logits = F.normalize(a, dim=1) @ F.normalize(b, dim=1).T / 0.2
        loss = F.cross_entropy(logits, torch.arange(len(x)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        warm_up.step()
diagnosis = inspector.diagnose()
