"""An lru_cache keeps what a frozen network says of each batch; a student learns it.

expect: healthy
"""

from functools import cache

import torch
from torch.nn import functional as F

from benchmarks.programs.common import DIGITS, mlp
from collapse_doctor import Inspector

frozen, student = mlp(64, 128, 20).requires_grad_(False), mlp(64, 48, 20)
optimizer = torch.optim.Adam(student.parameters(), lr=3e-3)


@cache
def target(start):
    return frozen(DIGITS[start : start + 32])


with Inspector({"student": student, "frozen": frozen}) as inspector:
    for step in range(80):
        start = step % 16 * 32
        loss = F.mse_loss(student(DIGITS[start : start + 32]), target(start))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
