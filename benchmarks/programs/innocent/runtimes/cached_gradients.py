"""Embeddings without gradient first, then again in chunks with the cached gradient.

expect: healthy
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import augment, batches, mlp
from collapse_doctor import Inspector

model = mlp(64, 64, 32)
optimizer = torch.optim.Adam(model.parameters(), 0.001)
with Inspector(model) as inspector:
    for x, y in batches(60, 64):
        a, b = augment(x), augment(x)
        with torch.no_grad():
            r = [torch.cat([model(c) for c in v.split(16)]).requires_grad_() for v in (a, b)]
        s = F.normalize(r[0], dim=1) @ F.normalize(r[1], dim=1).T * 10
        loss = F.cross_entropy(s, torch.arange(64))
        loss.backward()
        g = [t.grad for t in r]
        optimizer.zero_grad()
        for v, gg in zip((a, b), g):
            for c, gc in zip(v.split(16), gg.split(16)):
                (model(c) * gc).sum().backward()
        optimizer.step()
        inspector.step(loss=loss, labels=y)
diagnosis = inspector.diagnose()
