"""Knowledge distillation at temperature 8: the loss begins and stays near ln(10).

expect: healthy
"""

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector

X, Y = load_digits(return_X_y=True)
X, Y = torch.tensor(X / 16).float(), torch.tensor(Y)
teacher = nn.Sequential(nn.Linear(64, 96), nn.ReLU(), nn.Linear(96, 10))
first = torch.optim.Adam(teacher.parameters(), lr=1e-2)
for _ in range(60):
    i = torch.randint(0, len(X), (128,))
    first.zero_grad()
    F.cross_entropy(teacher(X[i]), Y[i]).backward()
    first.step()
teacher.requires_grad_(False).eval()

T = 8.0
student = nn.Sequential(nn.Linear(64, 24), nn.ReLU(), nn.Linear(24, 10))
optimizer = torch.optim.Adam(student.parameters(), lr=3e-3)
with Inspector(student) as inspector:
    for _ in range(120):
        x = X[torch.randint(0, len(X), (64,))]
        goal = (teacher(x) / T).softmax(dim=1)
        loss = -(goal * F.log_softmax(student(x) / T, dim=1)).sum(dim=1).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
