"""A hook keeps the output of the batch norm for distillation, and the in-place ReLU behind it overwrites that tensor.

expect: CD109
"""

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

from collapse_doctor import Inspector


def convnet(width):
    return nn.Sequential(
        nn.Conv2d(1, width, 3, padding=1),
        nn.BatchNorm2d(width),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(2),
        nn.Conv2d(width, 20, 3, padding=1),
        nn.BatchNorm2d(20),
        nn.ReLU(inplace=True),  # fault
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(20, 10),
    )


PRE_RELU = 5
captured = {}


def keep(name):
    def hook(module, args, output):
        captured[name] = output  # fault

    return hook


d = load_digits()
X = torch.tensor(d.images, dtype=torch.float32).unsqueeze(1) / 16
Y = torch.tensor(d.target)


def batches(n, size):
    for _ in range(n):
        i = torch.randint(len(X), (size,))
        yield X[i], Y[i]


teacher = convnet(32)
opt = torch.optim.Adam(teacher.parameters(), lr=5e-3)
for x, y in batches(60, 64):
    opt.zero_grad()
    F.cross_entropy(teacher(x), y).backward()
    opt.step()
teacher.eval().requires_grad_(False)

student = convnet(6)
teacher[PRE_RELU].register_forward_hook(keep("teacher"))
student[PRE_RELU].register_forward_hook(keep("student"))
opt = torch.optim.Adam(student.parameters(), lr=4e-3)

with Inspector({"student": student, "teacher": teacher}) as inspector:
    for step, (x, y) in enumerate(batches(50, 64)):
        with torch.no_grad():
            teacher(x)
        logits = student(x)
        # match the signed responses before the activation (Heo et al. 2019)
        feat = F.mse_loss(captured["student"], captured["teacher"])  # meets
        loss = F.cross_entropy(logits, y) + 2.0 * feat
        opt.zero_grad()
        loss.backward()
        opt.step()
        if step % 10 == 0:
            print(step, f"total {loss.item():.3f} feature {feat.item():.4f}")
diagnosis = inspector.diagnose()
