"""A property called `target` gives the student's own embedding, detached.

expect: CD103
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector


class Pair:
    def __init__(self, student, teacher):
        self.student, self.teacher = student, teacher
        self.code = None

    def run(self, x):
        self.code = self.student(x)
        return self.code

    @property
    def target(self):
        return self.code.detach()  # fault


def mlp():
    return nn.Sequential(nn.Linear(14, 40), nn.Tanh(), nn.Linear(40, 12))


pair, head = Pair(mlp(), mlp()), nn.Linear(12, 4)
optimizer = torch.optim.Adam([*pair.student.parameters(), *head.parameters()], lr=1e-3)
with Inspector({"student": pair.student, "teacher": pair.teacher}) as inspector:
    for _ in range(25):
        x = torch.randn(32, 14)
        z = pair.run(x)
        distil = F.mse_loss(z, pair.target)  # meets
        loss = F.cross_entropy(head(z), x[:, :4].argmax(1)) + distil
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
