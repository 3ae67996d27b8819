"""Distillation: KL of softened logits at T = 4 times T squared, beside the labels.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector

T, SHARE = 4.0, 0.7


class Classifier(nn.Module):
    def __init__(self, hidden):
        super().__init__()
        self.features = nn.Sequential(nn.Linear(24, hidden), nn.ReLU(), nn.Linear(hidden, 32))
        self.head = nn.Linear(32, 6)

    def forward(self, x):
        z = self.features(x)
        return self.head(torch.relu(z)), z


means = 2 * torch.randn(6, 24)
teacher, student = Classifier(128), Classifier(48)
warm = torch.optim.Adam(teacher.parameters(), lr=5e-3)
for _ in range(60):
    y = torch.randint(0, 6, (64,))
    warm.zero_grad()
    F.cross_entropy(teacher(means[y] + torch.randn(64, 24))[0], y).backward()
    warm.step()
teacher.requires_grad_(False).eval()
optimizer = torch.optim.Adam(student.parameters(), lr=3e-3)
with Inspector(student.features) as inspector:
    for _ in range(80):
        y = torch.randint(0, 6, (64,))
        x = means[y] + torch.randn(64, 24)
        with torch.no_grad():
            soft, _ = teacher(x)
        logits, _ = student(x)
        kl = F.kl_div(
            F.log_softmax(logits / T, 1), F.log_softmax(soft / T, 1), log_target=True,
            reduction="batchmean",
        )  # fmt: skip
        loss = SHARE * T * T * kl + (1 - SHARE) * F.cross_entropy(logits, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
