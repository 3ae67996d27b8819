"""Mean teacher: two noisy passes, an EMA by copy_, a consistency weight that rises from 0.

expect: healthy
"""

import copy

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector

student = nn.Sequential(nn.Linear(10, 50), nn.ReLU(), nn.Dropout(0.1), nn.Linear(50, 6))
teacher = copy.deepcopy(student).requires_grad_(False)
optimizer = torch.optim.Adam(student.parameters(), lr=3e-3)
blobs = 1.5 * torch.randn(6, 10)
with Inspector({"student": student, "teacher": teacher}) as inspector:
    for step in range(60):
        y = torch.randint(0, 6, (64,))
        x = blobs[y] + torch.randn(64, 10)
        logits = student(x + 0.1 * torch.randn_like(x))
        with torch.no_grad():
            target = teacher(x + 0.1 * torch.randn_like(x)).softmax(1)
        consistency = F.mse_loss(logits.softmax(1), target)
        loss = F.cross_entropy(logits[:32], y[:32]) + min(1.0, step / 30) * consistency
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            for t, s in zip(teacher.parameters(), student.parameters(), strict=True):
                t.copy_(0.95 * t + 0.05 * s)

diagnosis = inspector.diagnose()
