"""Supervised contrastive learning of two classes.

expect: healthy
"""

import torch
from sklearn.datasets import load_breast_cancer
from torch.nn import functional as F

from benchmarks.programs.common import batches, mlp
from collapse_doctor import Inspector

bx, by = load_breast_cancer(return_X_y=True)
bx = torch.tensor((bx - bx.mean(0)) / bx.std(0), dtype=torch.float32)
by = torch.tensor(by)
model = mlp(30, 64, 32)
optimizer = torch.optim.Adam(model.parameters(), 0.001)
with Inspector(model) as inspector:
    for x, y in batches(500, 64, bx, by):
        z = F.normalize(model(x), dim=1)
        s = z @ z.T / 0.1
        eye = torch.eye(64, dtype=torch.bool)
        s = s.masked_fill(eye, -1e9)
        lp = s - s.logsumexp(1, keepdim=True)
        mk = (y[:, None] == y[None]) & ~eye
        loss = -((lp * mk).sum(1) / mk.sum(1).clamp_min(1)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
