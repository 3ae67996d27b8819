"""Feature distillation: two recorders share one dict through a default argument.

expect: CD101
"""

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

from collapse_doctor import Inspector


class FeatureRecorder:
    """Keeps what a layer put out last."""

    def __init__(self, layer, store={}):  # noqa: B006  # fault
        self.store = store
        layer.register_forward_hook(self.keep)

    def keep(self, module, inputs, output):
        self.store["feature"] = output  # fault

    @property
    def feature(self):
        return self.store["feature"]


def network(width):
    return nn.Sequential(nn.Linear(64, width), nn.ReLU(), nn.Linear(width, 24), nn.Tanh())


data = load_digits()
pixels = torch.tensor(data.data, dtype=torch.float32) / 16
labels = torch.tensor(data.target)

teacher, student = network(128), network(32)
head = nn.Linear(24, 10)
of_teacher, of_student = FeatureRecorder(teacher), FeatureRecorder(student)
optimizer = torch.optim.Adam([*student.parameters(), *head.parameters()], lr=1e-3)

with Inspector({"teacher": teacher, "student": student}) as inspector:
    for _ in range(40):
        rows = torch.randint(0, len(pixels), (64,))
        with torch.no_grad():
            teacher(pixels[rows])
        logits = head(student(pixels[rows]))
        match = F.mse_loss(of_student.feature, of_teacher.feature)  # meets
        loss = F.cross_entropy(logits, labels[rows]) + match
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
