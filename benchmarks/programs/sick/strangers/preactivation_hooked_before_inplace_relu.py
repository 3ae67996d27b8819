"""Distillation wants the pre-activations, but the in-place ReLU overwrites the hooked tensors before they are compared.

expect: CD109
"""

import torch
import torch.nn as nn
import torch.nn.functional as F

from collapse_doctor import Inspector


class ConvNet(nn.Module):
    def __init__(self, width, classes=7):
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 3, padding=1, stride=2)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, 2 * width, 3, padding=1)
        self.bn2 = nn.BatchNorm2d(2 * width)
        self.relu = nn.ReLU(inplace=True)  # fault
        self.fc = nn.Linear(2 * width, classes)

    def forward(self, x):
        h = F.relu(self.bn1(self.conv1(x)))
        h = self.relu(self.bn2(self.conv2(h)))
        return self.fc(h.mean(dim=(2, 3)))


class PreActivation:
    """Keeps the map just before the last ReLU (boundary distillation needs its sign)."""

    def __init__(self, layer):
        self.value = None
        layer.register_forward_hook(self.save)

    def save(self, module, inputs, output):
        self.value = output  # fault


def boundary_loss(student_map, teacher_map, connector, margin=1.0):
    s = connector(student_map)
    side = (teacher_map > 0).float()
    wrong = side * F.relu(margin - s).pow(2) + (1 - side) * F.relu(margin + s).pow(2)  # meets
    return wrong.mean()


def leaves(n, prototypes):
    y = torch.randint(0, len(prototypes), (n,))
    return prototypes[y] + 0.8 * torch.randn(n, 3, 14, 14), y


torch.manual_seed(6)
prototypes = F.interpolate(torch.randn(7, 3, 4, 4), size=14, mode="bilinear")
teacher, student, connector = ConvNet(20), ConvNet(8), nn.Conv2d(16, 40, 1)

warm = torch.optim.Adam(teacher.parameters(), lr=3e-3)
for _ in range(15):  # the "pretrained" teacher
    x, y = leaves(64, prototypes)
    warm.zero_grad()
    F.cross_entropy(teacher(x), y).backward()
    warm.step()
teacher.eval().requires_grad_(False)

teacher_pre, student_pre = PreActivation(teacher.bn2), PreActivation(student.bn2)
optimizer = torch.optim.SGD([*student.parameters(), *connector.parameters()], lr=0.05, momentum=0.9)
with Inspector(student) as inspector:
    for step in range(45):
        x, y = leaves(48, prototypes)
        logits = student(x)
        with torch.no_grad():
            teacher(x)
        loss = F.cross_entropy(logits, y) + 0.5 * boundary_loss(
            student_pre.value, teacher_pre.value, connector
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 9 == 0:
            print(step, loss.item())
diagnosis = inspector.diagnose()
