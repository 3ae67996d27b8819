"""MoCo with a queue in a tensor.

expect: healthy
"""

import copy

import torch
from torch.nn import functional as F

from benchmarks.programs.common import augment, batches, mlp
from collapse_doctor import Inspector

q = mlp(64, 128, 32)
k = copy.deepcopy(q).requires_grad_(False)
queue = F.normalize(torch.randn(32, 256), dim=0)
ptr = 0
optimizer = torch.optim.SGD(q.parameters(), 0.05, 0.9)
with Inspector({"q": q, "k": k}) as inspector:
    for x, y in batches(200, 32):
        a = F.normalize(q(augment(x)), dim=1)
        with torch.no_grad():
            b = F.normalize(k(augment(x)), dim=1)
        lp = torch.einsum("nc,nc->n", a, b)[:, None]
        ln = torch.einsum("nc,ck->nk", a, queue.clone())
        loss = F.cross_entropy(torch.cat([lp, ln], 1) / 0.2, torch.zeros(32, dtype=torch.long))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        queue[:, ptr : ptr + 32] = b.T
        ptr = (ptr + 32) % 256
        inspector.step(loss=loss)
        for p, t in zip(q.parameters(), k.parameters()):
            t.data = t.data * 0.99 + p.data * 0.01
diagnosis = inspector.diagnose()
