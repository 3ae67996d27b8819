"""Targets are put into a ring of slots, and no more of them are held than there are slots.

expect: healthy
"""

import collections
import itertools

import torch
from torch.nn import functional as F

from benchmarks.programs.common import augment, batches, mlp
from collapse_doctor import Inspector

frozen, student = mlp(64, 64, 20).requires_grad_(False), mlp(64, 80, 20)
optimizer = torch.optim.Adam(student.parameters(), lr=2e-3)
ring, turn = torch.empty(2, 256, 20), itertools.cycle(range(2))
held = collections.deque(maxlen=2)
with Inspector(student) as inspector:
    for image, _ in batches(40):
        views = [augment(image) for _ in range(4)]
        for view in views:
            slot = next(turn)
            ring[slot, : len(view)] = frozen(view)
            held.append(ring[slot, : len(view)])
        loss = torch.zeros(())
        for view, target in zip(views[-2:], held, strict=True):
            loss = loss + F.mse_loss(student(view), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
