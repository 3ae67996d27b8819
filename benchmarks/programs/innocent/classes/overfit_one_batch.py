"""One batch is learned by heart, on purpose.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import DIGITS, LABELS, mlp
from collapse_doctor import Inspector

model = mlp(64, 64, 32)
h = nn.Linear(32, 10)
optimizer = torch.optim.Adam([*model.parameters(), *h.parameters()], 0.01)
x, y = DIGITS[:32], LABELS[:32]
with Inspector(model) as inspector:
    for k in range(300):
        loss = F.cross_entropy(h(model(x)), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        inspector.step(loss=loss, labels=y)
diagnosis = inspector.diagnose()
