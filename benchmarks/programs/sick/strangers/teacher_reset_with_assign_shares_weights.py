"""At the end of the warm-up the teacher is re-synchronised with load_state_dict(assign=True), which makes it share the student's weights.

expect: CD108
first: 22
"""

import copy

import torch
import torch.nn as nn
import torch.nn.functional as F

from collapse_doctor import Inspector

WARM_UP, STEPS, DECAY = 22, 50, 0.99


class PointEncoder(nn.Module):
    """A small PointNet for clouds of 3-D points."""

    def __init__(self, dim=30):
        super().__init__()
        self.local = nn.Sequential(nn.Linear(3, 32), nn.GELU(), nn.Linear(32, 64))
        self.globe = nn.Sequential(
            nn.Linear(128, 64), nn.LayerNorm(64), nn.GELU(), nn.Linear(64, dim)
        )

    def forward(self, points):
        h = self.local(points)
        return self.globe(torch.cat([h.amax(dim=1), h.mean(dim=1)], dim=-1))


def clouds(n, points=40):
    radii = 0.3 + 1.5 * torch.rand(n, 1, 3)
    offset = 0.5 * torch.randn(n, 1, 3)
    return F.normalize(torch.randn(n, points, 3), dim=-1) * radii + offset


def view(cloud):
    subset = torch.randperm(cloud.shape[1])[:28]
    return cloud[:, subset] + 0.05 * torch.randn(len(cloud), 28, 3)


@torch.no_grad()
def ema(teacher, student):
    for t, s in zip(teacher.parameters(), student.parameters()):
        t.lerp_(s, 1 - DECAY)


def key_query_loss(query, key, temperature=0.2):
    query, key = F.normalize(query, dim=-1), F.normalize(key, dim=-1)
    logits = query @ key.mT / temperature  # meets
    return F.cross_entropy(logits, torch.arange(len(query)))


student = PointEncoder()
teacher = copy.deepcopy(student).requires_grad_(False)
optimizer = torch.optim.AdamW(student.parameters(), lr=1e-3)

with Inspector({"student": student, "teacher": teacher}) as inspector:
    for step in range(STEPS):
        if step == WARM_UP:
            teacher.load_state_dict(student.state_dict(), assign=True)  # fault
        batch = clouds(64)
        a, b = view(batch), view(batch)
        with torch.no_grad():
            ta, tb = teacher(a), teacher(b)
        loss = key_query_loss(student(a), tb) + key_query_loss(student(b), ta)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        ema(teacher, student)
        if step % 10 == 0:
            print(step, loss.item())
diagnosis = inspector.diagnose()
