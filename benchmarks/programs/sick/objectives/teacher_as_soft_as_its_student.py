"""Self-distillation onto prototypes by kl_div: no centring, and a teacher of temperature 2.

expect: CD207
first: gradual
"""

import copy

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector

torch.manual_seed(7)
TEACHER_TEMPERATURE = 2.0  # fault
backbone = nn.Sequential(nn.Linear(24, 64), nn.ELU(), nn.Linear(64, 24), nn.LayerNorm(24))
student = nn.Sequential(backbone, nn.Linear(24, 48))
teacher = copy.deepcopy(student).requires_grad_(False)
optimizer = torch.optim.Adam(student.parameters(), lr=3e-3)
mix = torch.randn(8, 24)
with Inspector({"student": student, "teacher": teacher}) as inspector:
    for _ in range(90):
        clean = torch.randn(64, 8) @ mix
        one, two = (clean + 0.5 * torch.randn(64, 24) for _ in range(2))
        with torch.no_grad():
            wanted = F.softmax(teacher(two) / TEACHER_TEMPERATURE, dim=1)  # shows
        said = F.log_softmax(student(one), dim=1)
        loss = -(wanted * said).sum(1).mean()  # meets  # shows
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            for slow, fast in zip(teacher.parameters(), student.parameters(), strict=True):
                slow.lerp_(fast, 0.1)
diagnosis = inspector.diagnose()
