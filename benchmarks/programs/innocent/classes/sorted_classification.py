"""Classification reads a data set sorted by class.

expect: healthy
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import DIGITS, LABELS, mlp
from collapse_doctor import Inspector

model = mlp(64, 64, 10)
optimizer = torch.optim.Adam(model.parameters(), 0.001)
q = torch.argsort(LABELS)
with Inspector(model) as inspector:
    for ep in range(3):
        for j in q.split(16):
            g = model(DIGITS[j])
            loss = F.cross_entropy(g, LABELS[j]) + 0.0001 * F.mse_loss(g, torch.zeros_like(g))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            inspector.step(loss=loss, labels=LABELS[j])
diagnosis = inspector.diagnose()
