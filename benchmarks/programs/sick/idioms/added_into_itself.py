"""A residual is added with out= the anchor itself, after it was made and before it is compared.

expect: CD109
"""

import torch
from torch import nn

from benchmarks.programs.common import augment, batches, mlp
from collapse_doctor import Inspector

teacher, student = mlp(64, 100, 24).requires_grad_(False), mlp(64, 50, 24)
optimizer = torch.optim.Adam(student.parameters(), lr=1e-3)


def standardised(t):
    torch.sub(t, t.mean(0), out=t)  # fault
    return t.div_(t.std(0) + 1e-6)  # fault


with Inspector({"teacher": teacher, "student": student}) as inspector:
    for x, _ in batches(20):
        with torch.no_grad():
            target = teacher(x)
        unit = standardised(target)
        raw_pull = nn.functional.mse_loss(student(augment(x)), target)  # meets
        loss = raw_pull + 0.1 * nn.functional.mse_loss(student(x), unit)  # meets
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
