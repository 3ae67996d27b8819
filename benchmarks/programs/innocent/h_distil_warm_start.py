"""Distillation whose student starts as a copy of the teacher, with a task of its own.

expect: healthy
"""

import copy

import torch
from sklearn.datasets import load_wine
from torch import nn

from collapse_doctor import Inspector

w = load_wine()
X = torch.tensor((w.data - w.data.mean(0)) / w.data.std(0)).float()
Y = torch.tensor(w.target)
teacher = nn.Sequential(nn.Linear(13, 40), nn.ReLU(), nn.Linear(40, 12))
student = copy.deepcopy(teacher)
teacher.requires_grad_(False)
head = nn.Linear(12, 3)
opt = torch.optim.Adam([*student.parameters(), *head.parameters()], lr=3e-3)
with Inspector({"student": student, "teacher": teacher}) as inspector:
    for _ in range(40):
        i = torch.randint(0, len(X), (48,))
        with torch.no_grad():
            t = teacher(X[i])
        s = student(X[i])
        loss = nn.functional.cross_entropy(head(s), Y[i]) + 0.3 * nn.functional.mse_loss(s, t)
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
