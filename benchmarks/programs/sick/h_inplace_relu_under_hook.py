"""The pre-activation is captured by a hook, and then overwritten by an in-place ReLU.

expect: CD109
"""

import torch
from sklearn.datasets import load_digits
from torch import nn

from collapse_doctor import Inspector

X, y = load_digits(return_X_y=True)
X, y = torch.tensor(X / 8 - 1, dtype=torch.float32), torch.tensor(y)

teacher = nn.Sequential(nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 10)).requires_grad_(False)
student = nn.Sequential(nn.Linear(64, 48), nn.ReLU(inplace=True), nn.Linear(48, 10))  # fault

captured = {}
teacher[0].register_forward_hook(lambda m, i, o: captured.__setitem__("teacher", o))
student[0].register_forward_hook(lambda m, i, o: captured.__setitem__("student", o))
opt = torch.optim.Adam(student.parameters(), lr=2e-3)

with Inspector({"student": student, "teacher": teacher}) as inspector:
    for _ in range(30):
        idx = torch.randint(0, len(X), (64,))
        teacher(X[idx])
        logits = student(X[idx])  # shows
        hint = nn.functional.mse_loss(captured["student"], captured["teacher"])  # meets
        loss = nn.functional.cross_entropy(logits, y[idx]) + hint
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
