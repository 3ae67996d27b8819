"""Distillation: the student starts as a copy of the teacher and is fine-tuned beside it.

expect: healthy
"""

import copy

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

from collapse_doctor import Inspector

data = load_digits()
x, y = torch.tensor(data.data, dtype=torch.float32) / 16, torch.tensor(data.target)
teacher = nn.Sequential(nn.Linear(64, 96), nn.ReLU(), nn.Linear(96, 10))
warm = torch.optim.Adam(teacher.parameters(), lr=3e-3)
for rows in torch.randperm(1600).split(100):
    F.cross_entropy(teacher(x[rows]), y[rows]).backward()
    warm.step()
    warm.zero_grad()

student = copy.deepcopy(teacher)
teacher.eval().requires_grad_(False)
optimizer = torch.optim.SGD(student.parameters(), lr=0.1)
T = 2.0
with Inspector({"student": student, "teacher": teacher}) as inspector:
    for rows in torch.randperm(1600).split(50):
        with torch.no_grad():
            soft = F.softmax(teacher(x[rows]) / T, dim=1)
        logits = student(x[rows])
        kd = F.kl_div(F.log_softmax(logits / T, dim=1), soft, reduction="batchmean") * T * T
        loss = 0.5 * kd + 0.5 * F.cross_entropy(logits, y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
