"""A criterion is built once with the axis of the batch, of numbers standardised in the teacher only.

expect: CD206
"""

import torch
from torch import nn

from collapse_doctor import Inspector


class Agreement(nn.Module):
    def __init__(self, axis=-1):
        super().__init__()
        self.cosine = nn.CosineSimilarity(dim=axis)

    def forward(self, student, teacher):
        return (1 - self.cosine(student, teacher.detach())).mean()  # meets  # shows


class Encoder(nn.Module):
    def __init__(self, standardise):
        super().__init__()
        self.body = nn.Sequential(nn.Conv1d(3, 12, 5), nn.GELU(), nn.Flatten(), nn.Linear(144, 16))
        self.last = nn.BatchNorm1d(16, affine=False) if standardise else nn.Identity()

    def forward(self, x):
        return self.last(self.body(x))


torch.manual_seed(6)
student, teacher = Encoder(False), Encoder(True).requires_grad_(False)
criterion = Agreement(axis=0)  # fault
optimizer = torch.optim.Adam(student.parameters(), lr=1e-3)
with Inspector({"student": student, "teacher": teacher}) as inspector:
    for _ in range(40):
        x = torch.randn(32, 3, 1) + 0.5 * torch.randn(32, 3, 16)
        loss = criterion(student(x), teacher(x + 0.2 * torch.randn_like(x)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
