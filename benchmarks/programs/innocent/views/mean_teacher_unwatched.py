"""A mean teacher nobody watches, equal to its student until the warm-up has got going.

expect: healthy
"""

import copy

import torch
from torch.nn import functional as F

from benchmarks.programs.common import batches, mlp
from collapse_doctor import Inspector

student = mlp(64, 64, 10)
teacher = copy.deepcopy(student).requires_grad_(False)
optimizer = torch.optim.SGD(student.parameters(), 0.1)
sch = torch.optim.lr_scheduler.LinearLR(optimizer, 1e-9, 1.0, total_iters=40)
with Inspector(student) as inspector:
    for x, y in batches(100, 32):
        s = student(x)
        with torch.no_grad():
            t = teacher(x)
        loss = F.cross_entropy(s, y) + F.mse_loss(s, t)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        sch.step()
        inspector.step(loss=loss, labels=y)
        with torch.no_grad():
            for p, q in zip(student.parameters(), teacher.parameters()):
                q.mul_(0.9).add_(p, alpha=0.1)
diagnosis = inspector.diagnose()
