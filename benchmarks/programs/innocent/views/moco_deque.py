"""MoCo with a deque of past keys.

expect: healthy
"""

import copy
from collections import deque

import torch
from torch.nn import functional as F

from benchmarks.programs.common import augment, batches, mlp
from collapse_doctor import Inspector

q = mlp(64, 128, 32)
k = copy.deepcopy(q).requires_grad_(False)
bank = deque(maxlen=8)
optimizer = torch.optim.SGD(q.parameters(), 0.05, 0.9)
with Inspector({"q": q, "k": k}) as inspector:
    for x, y in batches(150, 32):
        a = F.normalize(q(augment(x)), dim=1)
        with torch.no_grad():
            b = F.normalize(k(augment(x)), dim=1)
        pos = F.cosine_similarity(a, b)[:, None]
        neg = [a @ old.T for old in bank]
        logits = torch.cat([pos, *neg], 1) / 0.2
        loss = F.cross_entropy(logits, torch.zeros(32, dtype=torch.long)) if neg else -pos.mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        bank.append(b)
        with torch.no_grad():
            for p, t in zip(q.parameters(), k.parameters()):
                t.lerp_(p, 0.01)
diagnosis = inspector.diagnose()
