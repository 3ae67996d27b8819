"""A frozen teacher without gradients gives targets for the same input; the student is another network and learns.

expect: healthy
"""

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector


def angle_matrix(e):
    e = F.normalize(e, dim=1)
    return e @ e.t()


class RKD(nn.Module):
    def __init__(self, angle=2.0, distance=1.0):
        super().__init__()
        self.angle, self.distance = angle, distance

    def forward(self, student, teacher):
        with torch.no_grad():
            t_d = torch.cdist(teacher, teacher)
            t_d = t_d / t_d[t_d > 0].mean()
            t_a = angle_matrix(teacher)
        s_d = torch.cdist(student, student)
        s_d = s_d / s_d[s_d > 0].mean()
        return self.distance * F.smooth_l1_loss(s_d, t_d) + self.angle * F.mse_loss(
            angle_matrix(student), t_a
        )


torch.manual_seed(9)
teacher = nn.Sequential(
    nn.Conv2d(3, 40, 5, stride=2),
    nn.ELU(),
    nn.Flatten(),
    nn.Linear(40 * 36, 128),
    nn.ELU(),
    nn.Linear(128, 32),
).eval()
for p in teacher.parameters():
    p.requires_grad_(False)
student = nn.Sequential(
    nn.Conv2d(3, 8, 5, stride=2), nn.SiLU(), nn.Flatten(), nn.Linear(8 * 36, 32)
)
criterion = RKD()
optimizer = torch.optim.Adam(student.parameters(), lr=2e-3)
landscape = torch.randn(25, 3, 16, 16)

with Inspector({"student": student, "teacher": teacher}) as inspector:
    for step in range(40):
        mix = torch.distributions.Dirichlet(torch.full((25,), 0.2)).sample((52,))
        photo = torch.einsum("bk,kchw->bchw", mix, landscape) + 0.1 * torch.randn(52, 3, 16, 16)
        with torch.no_grad():
            target = teacher(photo)
        output = student(photo)
        loss = criterion(output, target) + 0.5 * F.mse_loss(output, target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 10 == 0:
            print(step, loss.item())
diagnosis = inspector.diagnose()
