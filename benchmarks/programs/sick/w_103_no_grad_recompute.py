"""Mean teacher whose teacher pass, under no_grad, runs the student on the student's own view.

expect: CD103
"""

import copy

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector


def perturb(x):
    return x + 0.2 * torch.randn_like(x)


student = nn.Sequential(nn.Linear(10, 50), nn.ReLU(), nn.Linear(50, 12))
teacher = copy.deepcopy(student).requires_grad_(False)
classify = nn.Linear(12, 3)
optimizer = torch.optim.Adam([*student.parameters(), *classify.parameters()], lr=3e-3)
blobs = 3 * torch.randn(3, 10)


@torch.no_grad()
def ema(decay=0.95):
    for t, s in zip(teacher.parameters(), student.parameters(), strict=True):
        t.lerp_(s, 1 - decay)


with Inspector({"student": student, "teacher": teacher}) as inspector:
    for _ in range(40):
        y = torch.randint(0, 3, (48,))
        strong = perturb(blobs[y])
        features = student(strong)
        with torch.no_grad():
            reference = student(strong)  # fault
        consistency = F.mse_loss(features, reference)  # meets
        loss = F.cross_entropy(classify(features), y) + 10 * consistency
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        ema()

diagnosis = inspector.diagnose()
