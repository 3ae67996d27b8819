"""Past logits are replayed beside the labels.

expect: healthy
"""

import random

import torch
from torch.nn import functional as F

from benchmarks.programs.common import augment, batches, mlp
from collapse_doctor import Inspector

model = mlp(64, 128, 10)
optimizer = torch.optim.SGD(model.parameters(), 0.05)
buf = []
with Inspector(model) as inspector:
    for x, y in batches(80, 32):
        g = model(x)
        loss = F.cross_entropy(g, y)
        if buf:
            bx, bl = random.choice(buf)
            loss = loss + 0.3 * F.mse_loss(model(augment(bx)), bl)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        buf.append((x, g.detach()))
diagnosis = inspector.diagnose()
