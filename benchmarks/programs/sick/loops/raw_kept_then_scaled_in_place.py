"""The raw teacher output is kept under a second name; the softened one is made in place.

expect: CD109
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, batches
from collapse_doctor import Inspector

student, teacher = Encoder(), Encoder().requires_grad_(False)
optimizer = torch.optim.Adam(student.parameters(), lr=1e-3)
with Inspector({"student": student, "teacher": teacher}) as inspector:
    for x, _ in batches(20):
        with torch.no_grad():
            target = teacher(x)
            raw = target
            target.sub_(target.mean(0)).tanh_()  # fault
        z = student(x)
        loss = F.smooth_l1_loss(z, raw) + F.mse_loss(z.tanh(), target)  # meets
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
