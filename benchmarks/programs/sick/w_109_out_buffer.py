"""A teacher that computes into one preallocated buffer; both of its outputs are the last one.

expect: CD109
"""

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector


class FastTeacher(nn.Module):
    """A frozen linear map without allocations."""

    def __init__(self, d_in, d_out, batch):
        super().__init__()
        self.register_buffer("weight", torch.randn(d_in, d_out) / d_in**0.5)
        self.register_buffer("result", torch.empty(batch, d_out))

    @torch.no_grad()
    def forward(self, x):
        torch.mm(x, self.weight, out=self.result)
        return self.result  # fault


teacher = FastTeacher(20, 12, 40)
student = nn.Sequential(nn.Linear(20, 60), nn.ReLU(), nn.Linear(60, 12))
optimizer = torch.optim.Adam(student.parameters(), lr=3e-3)

with Inspector({"student": student, "teacher": teacher}) as inspector:
    for _ in range(30):
        left, right = torch.randn(40, 20), torch.randn(40, 20)
        t_left, t_right = teacher(left), teacher(right)
        s_left, s_right = student(left), student(right)
        loss = F.mse_loss(s_left, t_left) + F.mse_loss(s_right, t_right)  # meets
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
