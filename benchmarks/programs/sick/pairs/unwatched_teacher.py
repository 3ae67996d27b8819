"""The teacher is a copy of the student in every step, and only the student is watched.

expect: CD103
"""

import copy

import torch
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, batches
from collapse_doctor import Inspector

student = Encoder()
teacher = copy.deepcopy(student)
optimizer = torch.optim.SGD(student.parameters(), lr=0.1)
with Inspector(student) as inspector:
    for x, _ in batches(60):
        p = student(x)
        with torch.no_grad():
            t = teacher(x)
        loss = F.mse_loss(p, t) + 0.001 * p.pow(2).mean()  # fault, meets
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        teacher.load_state_dict(student.state_dict())  # fault
diagnosis = inspector.diagnose()
