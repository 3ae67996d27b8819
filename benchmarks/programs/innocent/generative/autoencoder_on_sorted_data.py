"""An autoencoder reads a data set sorted by class.

expect: healthy
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import DIGITS, LABELS, mlp
from collapse_doctor import Inspector

q = torch.argsort(LABELS)
model = mlp(64, 32, 64)
optimizer = torch.optim.Adam(model.parameters(), 0.001)
with Inspector(model) as inspector:
    for ep in range(3):
        for j in q.split(16):
            loss = F.mse_loss(model(DIGITS[j]), DIGITS[j])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            inspector.step(loss=loss, labels=LABELS[j])
diagnosis = inspector.diagnose()
