"""Once the teacher is released to save memory, the distillation target falls back to the student's own feature tensor.

expect: CD101
first: 24
"""

from dataclasses import dataclass
from typing import Optional

import torch
import torch.nn as nn
import torch.nn.functional as F

from collapse_doctor import Inspector


@dataclass
class Config:
    channels: int = 6
    length: int = 50
    feature: int = 32
    classes: int = 5
    batch: int = 56
    steps: int = 48
    release_teacher_at: int = 24
    hint_weight: float = 2.0
    lr: float = 3e-3


def accelerometer(cfg, patterns):
    y = torch.randint(0, cfg.classes, (cfg.batch,))
    phase = torch.randint(0, 8, (1,)).item()
    x = torch.roll(patterns[y], phase, dims=-1)
    return x + 0.7 * torch.randn_like(x), y


class SensorNet(nn.Module):
    def __init__(self, cfg, width):
        super().__init__()
        self.conv = nn.Conv1d(cfg.channels, width, 7, stride=2)
        self.norm = nn.BatchNorm1d(width)
        self.feature = nn.Linear(2 * width, cfg.feature)
        self.classify = nn.Linear(cfg.feature, cfg.classes)

    def forward(self, x):
        h = F.silu(self.norm(self.conv(x)))
        f = self.feature(torch.cat([h.mean(-1), h.amax(-1)], dim=1))
        return f, self.classify(f)


class Distiller:
    def __init__(self, cfg, student, teacher):
        self.cfg, self.student = cfg, student
        self.teacher: Optional[nn.Module] = teacher.eval().requires_grad_(False)
        self.optimizer = torch.optim.Adam(student.parameters(), lr=cfg.lr)

    def hint(self, x, feature):
        if self.teacher is None:
            return feature  # fault
        with torch.no_grad():
            return self.teacher(x)[0]

    def step(self, i, x, y):
        if i == self.cfg.release_teacher_at:
            self.teacher = None  # fault
        feature, logits = self.student(x)
        target = self.hint(x, feature)
        hint_loss = F.mse_loss(feature, target)  # meets
        loss = F.cross_entropy(logits, y) + self.cfg.hint_weight * hint_loss
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss.item()


cfg = Config()
patterns = torch.randn(cfg.classes, cfg.channels, cfg.length)
student = SensorNet(cfg, 16)
distiller = Distiller(cfg, student, SensorNet(cfg, 48))
with Inspector(student) as inspector:
    history = [distiller.step(i, *accelerometer(cfg, patterns)) for i in range(cfg.steps)]
print("loss", history[0], history[23], history[24], history[-1])
diagnosis = inspector.diagnose()
