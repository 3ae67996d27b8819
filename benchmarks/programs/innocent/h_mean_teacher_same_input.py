"""Mean teacher that sees the very same input as the student: equal at step 0, slow afterwards.

expect: healthy
"""

import copy

import torch
from sklearn.datasets import load_digits
from torch import nn

from collapse_doctor import Inspector

X, Y = load_digits(return_X_y=True)
X, Y = torch.tensor(X / 16).float(), torch.tensor(Y)
student = nn.Sequential(nn.Linear(64, 96), nn.ReLU(), nn.Linear(96, 32))
teacher = copy.deepcopy(student).requires_grad_(False)
head = nn.Linear(32, 10)
opt = torch.optim.Adam([*student.parameters(), *head.parameters()], lr=2e-3)
with Inspector({"student": student, "teacher": teacher}) as inspector:
    for step in range(45):
        i = torch.randint(0, len(X), (64,))
        zs = student(X[i])
        with torch.no_grad():
            zt = teacher(X[i])
        loss = nn.functional.cross_entropy(head(zs), Y[i]) + nn.functional.mse_loss(zs, zt)
        opt.zero_grad()
        loss.backward()
        opt.step()
        with torch.no_grad():
            for t, s in zip(teacher.parameters(), student.parameters()):
                t.lerp_(s, 0.05)
diagnosis = inspector.diagnose()
