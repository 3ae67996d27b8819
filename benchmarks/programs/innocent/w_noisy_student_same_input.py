"""Data2vec-like: teacher and student get the same batch, the student a masked one of it.

expect: healthy
"""

import copy

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector

student = nn.Sequential(
    nn.Linear(24, 64), nn.BatchNorm1d(64), nn.GELU(), nn.Linear(64, 20), nn.BatchNorm1d(20)
)
regressor = nn.Sequential(nn.Linear(20, 40), nn.GELU(), nn.Linear(40, 20))
teacher = copy.deepcopy(student).requires_grad_(False)
optimizer = torch.optim.AdamW([*student.parameters(), *regressor.parameters()], lr=1e-3)
mixing = torch.randn(20, 24)
with Inspector({"student": student, "teacher": teacher}) as inspector:
    for _ in range(50):
        x = torch.randn(64, 20) @ mixing
        with torch.no_grad():
            target = F.layer_norm(teacher(x), (20,))
        masked = x * (torch.rand_like(x) > 0.3)
        loss = F.smooth_l1_loss(regressor(student(masked)), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            for t, s in zip(teacher.parameters(), student.parameters(), strict=True):
                t.lerp_(s, 0.03)

diagnosis = inspector.diagnose()
