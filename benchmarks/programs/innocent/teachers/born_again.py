"""Distillation into a copy of the teacher: features equal at the start, the data are new.

expect: healthy
"""

import copy

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector

X, y = load_digits(return_X_y=True)
X, y = torch.tensor(X).float() / 16, torch.tensor(y)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 24))
        self.head = nn.Linear(24, 10)

    def forward(self, x):
        z = self.trunk(x)
        return self.head(torch.relu(z)), z


teacher = Net()
opt = torch.optim.Adam(teacher.parameters(), 1e-2)
for _ in range(100):
    i = torch.randint(900, (64,))
    opt.zero_grad()
    F.cross_entropy(teacher(X[i])[0], y[i]).backward()
    opt.step()
student = copy.deepcopy(teacher)
teacher.eval().requires_grad_(False)
opt = torch.optim.SGD(student.parameters(), 0.05, momentum=0.9)
with Inspector({"student": student, "teacher": teacher}) as inspector:
    for step in range(150):
        i = torch.randint(900, len(X), (32,))
        ls, zs = student(X[i])
        lt, zt = teacher(X[i])
        loss = (
            F.cross_entropy(ls, y[i])
            + F.mse_loss(zs, zt)
            + F.kl_div(F.log_softmax(ls / 4, 1), F.softmax(lt / 4, 1), reduction="batchmean")
        )
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
