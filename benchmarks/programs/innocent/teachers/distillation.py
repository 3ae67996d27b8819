"""Distillation from a frozen teacher, with a cosine loss whose targets are all 1.

expect: healthy
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import batches, mlp
from collapse_doctor import Inspector

t = mlp(64, 128, 10).requires_grad_(False).eval()
s = mlp(64, 32, 10)
optimizer = torch.optim.Adam(s.parameters(), 0.001)
with Inspector({"s": s, "t": t}) as inspector:
    for x, y in batches(120, 64):
        a, b = s(x), t(x)
        loss = F.kl_div(
            F.log_softmax(a / 4, 1), F.softmax(b / 4, 1), reduction="batchmean"
        ) * 16 + 0.1 * F.cosine_embedding_loss(a, b, torch.ones(64))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        inspector.step(loss=loss, labels=torch.ones(64))
diagnosis = inspector.diagnose()
