"""Episodes of a prototypical network.

expect: healthy
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import DIGITS, LABELS, mlp
from collapse_doctor import Inspector

model = mlp(64, 64, 32)
optimizer = torch.optim.Adam(model.parameters(), 0.001)
with Inspector(model) as inspector:
    for k in range(100):
        c = torch.randperm(10)[:5]
        S = torch.stack([DIGITS[LABELS == q][torch.randperm((LABELS == q).sum())[:13]] for q in c])
        q = model(S[:, 5:].reshape(-1, 64))
        p = model(S[:, :5].reshape(-1, 64)).view(5, 5, -1).mean(1)
        t = torch.arange(5).repeat_interleave(8)
        loss = F.cross_entropy(-(torch.cdist(q, p) ** 2) / 10, t)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        inspector.step(loss=loss, labels=t)
diagnosis = inspector.diagnose()
