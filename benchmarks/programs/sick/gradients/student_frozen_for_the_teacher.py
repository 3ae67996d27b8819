"""`freeze` is handed the student, where the teacher was meant; only a projection learns.

expect: CD202
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector


def make(width):
    return nn.Sequential(nn.Linear(28, width), nn.GELU(), nn.Linear(width, 16))


def freeze(module):
    module.requires_grad_(False)  # fault
    return module


teacher, student, project = make(96), make(32), nn.Linear(16, 16)
freeze(student)  # shows
params = [{"params": student.parameters()}, {"params": project.parameters(), "lr": 3e-3}]
optimizer = torch.optim.AdamW(params, lr=1e-3)

with Inspector({"teacher": teacher, "student": student}) as inspector:
    for step in range(40):
        x = torch.randn(48, 28)
        with torch.inference_mode():
            wanted = teacher(x)
        given = project(student(x))
        loss = F.mse_loss(given, wanted.clone())  # meets
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
