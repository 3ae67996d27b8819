"""A text tower learns beside a frozen image tower.

expect: healthy
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import batches, mlp
from collapse_doctor import Inspector

a, b = mlp(32, 64, 32).requires_grad_(False).eval(), mlp(32, 64, 32)
optimizer = torch.optim.AdamW(b.parameters(), 0.001)
with Inspector({"image": a, "text": b}) as inspector:
    for x, y in batches(100, 32):
        e, f = F.normalize(a(x[:, :32]), dim=1), F.normalize(b(x[:, 32:]), dim=1)
        g = 10 * e @ f.t()
        t = torch.arange(32)
        loss = (F.cross_entropy(g, t) + F.cross_entropy(g.t(), t)) / 2
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
