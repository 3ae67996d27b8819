"""Mean teacher without a copy: the teacher is the student under a second name.

expect: CD108
"""

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

from collapse_doctor import Inspector

data, target = load_digits(return_X_y=True)
data = torch.tensor(data / 16, dtype=torch.float32)
target = torch.tensor(target)


class MeanTeacher:
    def __init__(self, student, decay=0.99):
        self.student = student
        self.teacher = student  # fault
        self.decay = decay

    @torch.no_grad()
    def update(self):
        for t, s in zip(self.teacher.parameters(), self.student.parameters()):
            t.mul_(self.decay).add_(s, alpha=1 - self.decay)


student = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 32))
head = nn.Linear(32, 10)
mt = MeanTeacher(student)
opt = torch.optim.SGD([*student.parameters(), *head.parameters()], lr=0.1)
with Inspector({"student": mt.student, "teacher": mt.teacher}) as inspector:
    for _ in range(30):
        i = torch.randint(0, len(data), (64,))
        x = data[i]
        zs = mt.student(x + 0.1 * torch.randn_like(x))
        with torch.no_grad():
            zt = mt.teacher(x + 0.1 * torch.randn_like(x))  # shows
        loss = F.cross_entropy(head(zs), target[i]) + F.mse_loss(zs, zt)  # meets
        opt.zero_grad()
        loss.backward()
        opt.step()
        mt.update()
diagnosis = inspector.diagnose()
