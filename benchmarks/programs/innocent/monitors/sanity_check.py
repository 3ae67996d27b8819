"""Two passes in eval mode are checked to be equal before training.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import DIGITS, batches
from collapse_doctor import Inspector

model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Dropout(0.2), nn.Linear(64, 16))
h = nn.Linear(16, 10)
optimizer = torch.optim.Adam([*model.parameters(), *h.parameters()], 0.001)
with Inspector(model) as inspector:
    model.eval()
    with torch.no_grad():
        assert F.mse_loss(model(DIGITS[:32]), model(DIGITS[:32])).item() == 0
    model.train()
    for x, y in batches(50, 64):
        loss = F.cross_entropy(h(model(x)), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        inspector.step(loss=loss, labels=y)
diagnosis = inspector.diagnose()
