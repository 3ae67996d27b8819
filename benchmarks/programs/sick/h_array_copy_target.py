"""The soft target goes through np.array, a copy, and is the student's own embedding.

expect: CD103
"""

import numpy as np
import torch
import torch.nn as nn

from collapse_doctor import Inspector


def to_numpy(t):
    return np.array(t.detach(), dtype=np.float32)


def to_tensor(a):
    return torch.tensor(a)


student = nn.Sequential(nn.Linear(18, 40), nn.Hardswish(), nn.Linear(40, 14))
teacher = nn.Sequential(nn.Linear(18, 90), nn.Tanh(), nn.Linear(90, 14))
task = nn.Linear(14, 3)
opt = torch.optim.Adam([*student.parameters(), *task.parameters()], lr=2e-3)
X = torch.randn(400, 18)
y = (X[:, :6].reshape(-1, 3, 2).sum(-1)).argmax(1)

with Inspector({"student": student, "teacher": teacher}) as inspector:
    for k in range(30):
        pick = np.random.choice(400, 60, replace=False)
        xb, yb = X[pick], y[pick]
        s = student(xb)
        with torch.no_grad():
            t = teacher(xb)
        soft = to_tensor(to_numpy(s))  # fault
        hint = nn.MSELoss()(s, soft)  # meets
        loss = nn.functional.cross_entropy(task(s), yb) + hint
        opt.zero_grad()
        loss.backward()
        opt.step()

diagnosis = inspector.diagnose()
