"""Inputs are copied into one static tensor, as for a recorded graph, and outputs are copied out.

expect: healthy
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import augment, batches, mlp
from collapse_doctor import Inspector

frozen, student = mlp(64, 64, 20).requires_grad_(False), mlp(64, 80, 20)
optimizer = torch.optim.Adam(student.parameters(), lr=2e-3)


class Graph:
    """Stands for a recorded graph: it reads one tensor and writes another."""

    def __init__(self, most):
        self.input, self.output = torch.zeros(most, 64), torch.zeros(most, 20)

    def replay(self):
        torch.add(frozen(self.input), 0.0, out=self.output)

    def __call__(self, x):
        self.input[: len(x)] = x
        self.replay()
        return self.output[: len(x)]


graph = Graph(128)
graph(torch.randn(128, 64))
with Inspector(student) as inspector:
    for image, _ in batches(40):
        graph(image)
        target = graph(image)
        one, other = student(augment(image)), student(augment(image))
        loss = F.mse_loss(one, target) + F.smooth_l1_loss(other, target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
