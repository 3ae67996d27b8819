"""An ensemble's mean is summed up in the first teacher's output, which has a term of its own.

expect: CD109
"""

import torch
from torch import nn

from benchmarks.programs.common import augment, batches, mlp
from collapse_doctor import Inspector

teachers = {f"teacher_{n}": mlp(64, 60, 16).requires_grad_(False) for n in range(3)}
student = mlp(64, 90, 16)
optimizer = torch.optim.Adam(student.parameters(), lr=1e-3)
distance = nn.SmoothL1Loss()


def ask_all(x):
    with torch.no_grad():
        return [teacher(x) for teacher in teachers.values()]


with Inspector({"student": student, **teachers}) as inspector:
    for x, _ in batches(24):
        answers = ask_all(x)
        mean = answers[0]  # fault
        for answer in answers[1:]:
            mean += answer  # fault
        out = student(augment(x))
        loss = distance(out, mean / 3)
        for answer in answers:
            loss = loss + 0.2 * distance(out, answer)  # meets
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
