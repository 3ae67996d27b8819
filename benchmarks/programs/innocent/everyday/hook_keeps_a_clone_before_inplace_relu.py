"""The hook sits in front of an in-place ReLU but keeps a clone, so the features are what was computed.

expect: healthy
"""

import torch
import torch.nn as nn
import torch.nn.functional as F

from collapse_doctor import Inspector

CLASSES = 8
patterns = torch.randn(CLASSES, 1, 60).cumsum(-1) / 4


def get(n=64):
    y = torch.randint(CLASSES, (n,))
    return patterns[y] * (1 + 0.2 * torch.randn(n, 1, 1)) + 0.4 * torch.randn(n, 1, 60), y


def net(c):
    return nn.Sequential(
        nn.Conv1d(1, c, 7, stride=2),
        nn.BatchNorm1d(c),
        nn.ReLU(inplace=True),
        nn.Conv1d(c, 24, 5, stride=2),
        nn.BatchNorm1d(24),
        nn.ReLU(inplace=True),
        nn.AdaptiveAvgPool1d(1),
        nn.Flatten(),
        nn.Linear(24, CLASSES),
    )


teacher, student = net(32), net(6)
opt = torch.optim.Adam(teacher.parameters(), lr=4e-3)
for _ in range(50):
    x, y = get()
    loss = F.cross_entropy(teacher(x), y)
    opt.zero_grad()
    loss.backward()
    opt.step()
teacher.eval().requires_grad_(False)

store = {}
for name, m in (("t", teacher), ("s", student)):
    m[4].register_forward_hook(
        lambda mod, inp, out, name=name: store.__setitem__(name, out.clone())
    )

opt = torch.optim.Adam(student.parameters(), lr=4e-3)
with Inspector({"student": student, "teacher": teacher}) as inspector:
    for step in range(50):
        x, y = get()
        teacher(x)
        logits = student(x)
        hint = F.mse_loss(store["s"], store["t"])
        loss = F.cross_entropy(logits, y) + 0.5 * hint
        opt.zero_grad()
        loss.backward()
        opt.step()
        if step % 10 == 0:
            print(step, f"{loss.item():.3f} hint {hint.item():.3f}")
diagnosis = inspector.diagnose()
