"""The targets of both views are written into one preallocated tensor, one after the other.

expect: CD109
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import augment, batches, mlp
from collapse_doctor import Inspector

teacher, student = mlp(64, 128, 32), mlp(64, 128, 32)
optimizer = torch.optim.Adam(student.parameters(), 1e-3)
buffer = torch.empty(32, 32)


@torch.no_grad()
def targets(*views):
    for view in views:
        buffer.copy_(teacher(view))  # fault
        yield buffer


with Inspector({"teacher": teacher, "student": student}) as inspector:
    for x, _ in batches(20):
        first, second = targets(x, x.flip(1))
        one, other = student(augment(x)), student(augment(x.flip(1)))
        loss = F.mse_loss(one, first) + F.mse_loss(other, second)  # meets
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
