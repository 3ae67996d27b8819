"""DINO with centring, sharpening, an EMA teacher and two crops.

expect: healthy
"""

import copy

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector

K = 32
student = nn.Sequential(
    nn.Linear(24, 64), nn.GELU(), nn.Linear(64, 24), nn.LayerNorm(24), nn.Linear(24, K)
)
teacher = copy.deepcopy(student).requires_grad_(False)
center = torch.zeros(1, K)
optimizer = torch.optim.AdamW(student.parameters(), lr=2e-3)
means = 2 * torch.randn(32, 24)

with Inspector({"student": student, "teacher": teacher}) as inspector:
    for _ in range(60):
        x = means[torch.randint(0, 32, (96,))] + 0.4 * torch.randn(96, 24)
        crops = [x + 0.4 * torch.randn_like(x) for _ in range(2)]
        with torch.no_grad():
            t_out = [teacher(c) for c in crops]
            goals = [F.softmax((t - center) / 0.05, dim=-1) for t in t_out]
        s_out = [F.log_softmax(student(c) / 0.1, dim=-1) for c in crops]
        loss = -((goals[0] * s_out[1]).sum(-1) + (goals[1] * s_out[0]).sum(-1)).mean() / 2
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            center = 0.9 * center + 0.1 * torch.cat(t_out).mean(0, keepdim=True)
            for t, s in zip(teacher.parameters(), student.parameters(), strict=True):
                t.mul_(0.98).add_(s, alpha=0.02)

diagnosis = inspector.diagnose()
