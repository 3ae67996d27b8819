"""Targets are summed up in a copy, and scratch tensors in place: each target stays what it was.

expect: healthy
"""

import torch
import torch.nn.functional as F

from benchmarks.programs.common import augment, batches, mlp
from collapse_doctor import Inspector

teachers = {f"teacher_{n}": mlp(64, 60, 16).requires_grad_(False) for n in range(3)}
student = mlp(64, 90, 16)
optimizer = torch.optim.Adam(student.parameters(), lr=1e-3)


def centre_of(outputs):
    total = outputs[0].clone()
    for output in outputs[1:]:
        total += output
    return total / len(outputs)


def only_sum(outputs):
    total = outputs[0]
    for output in outputs[1:]:
        total += output
    return total / len(outputs)


with Inspector({"student": student, **teachers}) as inspector:
    for x, _ in batches(24):
        with torch.no_grad():
            answers = [teacher(x) for teacher in teachers.values()]
            # of these nobody asks again
            noisy = only_sum([teacher(augment(x)) for teacher in teachers.values()])
        centre = centre_of(answers)
        out = student(augment(x))
        loss = F.mse_loss(out, centre) + 0.1 * F.mse_loss(out, noisy)
        for answer in answers:
            loss = loss + 0.2 * F.mse_loss(out, answer)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
