"""An autoencoder for anomalies: all labels are 0.

expect: healthy
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import DIGITS, LABELS, batches, mlp
from collapse_doctor import Inspector

x0 = DIGITS[LABELS == 0]
model = mlp(64, 32, 8, 32, 64)
optimizer = torch.optim.Adam(model.parameters(), 0.001)
with Inspector(model) as inspector:
    for x, y in batches(100, 32, x0, torch.zeros(len(x0), dtype=torch.long)):
        r = model(x)
        loss = F.mse_loss(r, x)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        inspector.step(loss=loss, labels=y)
diagnosis = inspector.diagnose()
