"""Distillation with softmax along the batch: the columns sum to 1, the rows do not.

expect: CD206
"""

import torch
from sklearn.datasets import load_digits
from torch import nn

from collapse_doctor import Inspector

X, Y = load_digits(return_X_y=True)
X, Y = torch.tensor(X / 16).float(), torch.tensor(Y)
T = 2.0

teacher = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10))
pre = torch.optim.Adam(teacher.parameters(), lr=3e-3)
for _ in range(60):
    i = torch.randint(0, len(X), (128,))
    pre.zero_grad()
    nn.functional.cross_entropy(teacher(X[i]), Y[i]).backward()
    pre.step()
teacher.requires_grad_(False).eval()

student = nn.Sequential(nn.Linear(64, 24), nn.ReLU(), nn.Linear(24, 10))
softmax = nn.Softmax(dim=0)  # fault
log_softmax = nn.LogSoftmax(dim=0)  # fault
opt = torch.optim.Adam(student.parameters(), lr=2e-3)
with Inspector({"student": student, "teacher": teacher}) as inspector:
    for _ in range(30):
        i = torch.randint(0, len(X), (64,))
        soft = softmax(teacher(X[i]) / T)  # shows
        logp = log_softmax(student(X[i]) / T)  # shows
        loss = nn.functional.kl_div(logp, soft, reduction="batchmean") * T * T
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
