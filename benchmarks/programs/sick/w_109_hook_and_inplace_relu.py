"""Pre-activation features captured by a hook, while the next layer is an in-place ReLU.

expect: CD109
"""

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

from collapse_doctor import Inspector


def backbone():
    return nn.Sequential(
        nn.Conv2d(1, 8, 3),
        nn.ReLU(),
        nn.Conv2d(8, 16, 3),
        nn.ReLU(inplace=True),
        nn.Flatten(),  # fault
    )


captured = {}


def capture(name):
    def hook(module, args, output):
        captured[name] = output

    return hook


teacher, student = backbone().requires_grad_(False), backbone()
teacher[2].register_forward_hook(capture("teacher"))
student[2].register_forward_hook(capture("student"))
head = nn.Linear(16 * 16, 10)
optimizer = torch.optim.Adam([*student.parameters(), *head.parameters()], lr=1e-3)
data = load_digits()
images = torch.tensor(data.images, dtype=torch.float32)[:, None] / 16
labels = torch.tensor(data.target)

with Inspector({"teacher": teacher, "student": student}, layers=["2"]) as inspector:
    for rows in torch.randperm(1600).split(64):
        teacher(images[rows])
        logits = head(student(images[rows]))
        hint = F.mse_loss(captured["student"].flatten(1), captured["teacher"].flatten(1))  # meets
        loss = F.cross_entropy(logits, labels[rows]) + hint
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
