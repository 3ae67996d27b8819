"""A pairwise loss by hand on a data set sorted by class.

expect: CD503
first: 0
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import DIGITS, LABELS, Encoder
from collapse_doctor import Inspector

model = Encoder()
optimizer = torch.optim.Adam(model.parameters())
order = LABELS.argsort()
Xs, Ys = DIGITS[order], LABELS[order]
with Inspector(model) as inspector:
    for i in range(0, 1792, 16):
        x, y = Xs[i : i + 16], Ys[i : i + 16]
        z = model(x)
        d = (z.unsqueeze(1) - z.unsqueeze(0)).pow(2).sum(-1)
        same = (y[:, None] == y[None]).float()
        loss = (same * d + (1 - same) * F.relu(1 - d)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        inspector.step(loss=loss, labels=y)
diagnosis = inspector.diagnose()
