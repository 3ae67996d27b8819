"""Several answers become one by adding in place, which is put back where the first was.

expect: healthy
"""

import torch
import torch.nn.functional as F

from benchmarks.programs.common import augment, batches, mlp
from collapse_doctor import Inspector

teachers = {f"teacher_{n}": mlp(64, 60, 16).requires_grad_(False) for n in range(2)}
student = mlp(64, 90, 16)
optimizer = torch.optim.Adam(student.parameters(), lr=1e-3)
with Inspector({"student": student, **teachers}) as inspector:
    for x, _ in batches(24):
        with torch.no_grad():
            answers = [teacher(x) for teacher in teachers.values()]
            mean = answers[0]
            mean += answers[1]
            mean /= 2
            answers = [mean]
        out = student(augment(x))
        loss = sum(F.smooth_l1_loss(out, answer) for answer in answers)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
