"""How far the representation moved from where it began is logged.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import DIGITS, batches, mlp
from collapse_doctor import Inspector

model = mlp(64, 64, 32)
h = nn.Linear(32, 10)
optimizer = torch.optim.Adam([*model.parameters(), *h.parameters()], 0.001)
pb = DIGITS[:50]
history = []
with Inspector(model) as inspector:
    with torch.no_grad():
        ref = model(pb)
    for x, y in batches(60, 64):
        with torch.no_grad():
            drift = 1 - F.cosine_similarity(model(pb), ref).mean()
        loss = F.cross_entropy(h(model(x)), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        history.append(float(drift))
        inspector.step(loss=loss, labels=y)
diagnosis = inspector.diagnose()
