"""A teacher's output is centred and scaled in place, and compared as what it is then.

expect: healthy
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, batches
from collapse_doctor import Inspector

student, teacher = Encoder(), Encoder().requires_grad_(False)
optimizer = torch.optim.Adam(student.parameters(), lr=1e-3)
with Inspector({"student": student, "teacher": teacher}) as inspector:
    for x, _ in batches(25):
        with torch.no_grad():
            target = teacher(x)
            before = target.clone()
            target -= before.mean(0)
            target /= before.std(0)
        loss = F.mse_loss(student(x), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
