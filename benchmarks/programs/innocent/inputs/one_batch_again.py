"""One batch is learnt by heart, as a check before the long training begins.

expect: healthy
"""

import torch
from torch import nn

from benchmarks.programs.common import DIGITS, LABELS, Encoder
from collapse_doctor import Inspector

model, head = Encoder(), nn.Linear(32, 10)
x, y = DIGITS[:24], LABELS[:24]
optimizer = torch.optim.Adam([*model.parameters(), *head.parameters()], lr=1e-2)
with Inspector(model) as inspector:
    for _ in range(60):
        loss = nn.functional.cross_entropy(head(model(x)), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
